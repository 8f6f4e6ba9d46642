// The buttons over the chart.
(function (pm) {
  "use strict";

  function toggle(name) {
    pm.prefs.set(name, !pm.prefs.get(name));
  }

  function toggleCurve(channel) {
    const hidden = pm.prefs.get("hidden");
    pm.prefs.set("hidden", hidden.includes(channel) ? hidden.filter((name) => name !== channel) : hidden.concat(channel));
  }

  function toggleLive() {
    if (pm.view.isLive()) pm.chart.pause();
    else pm.view.goLive();
  }

  // Links are written when they are about to be used: a live view moves on.
  function csvLink(link, all) {
    const [t0, t1] = pm.chart.bounds();
    const span = all ? { from: 0 } : { from: t0 / 1000, to: t1 / 1000 };
    link.href = pm.api.path("/api/history", Object.assign({ format: "csv", device: pm.view.device() }, span));
  }

  function keepCurrent(id, all) {
    const link = pm.byId(id);
    for (const event of ["pointerenter", "focus", "click"]) link.addEventListener(event, () => csvLink(link, all));
    pm.view.onChange(() => csvLink(link, all));
    csvLink(link, all);
  }

  function start() {
    for (const button of pm.byId("range-buttons").children) {
      button.addEventListener("click", () => pm.view.setRange(button.dataset.range));
    }
    for (const channel of pm.data.CHANNELS) pm.on("curve-" + channel, "click", () => toggleCurve(channel));
    pm.on("mode-button", "click", () => toggle("overlaid"));
    pm.on("zero-button", "click", () => toggle("zero"));
    pm.on("tool-button", "click", () => toggle("pan"));
    pm.on("lock-button", "click", () => {
      pm.scale.setLocked(!pm.scale.locked());
      pm.chart.viewChanged();
    });
    pm.on("live-switch", "click", toggleLive);
    keepCurrent("csv-visible", false);
    keepCurrent("csv-all", true);
  }

  pm.toolbar = { start, toggleLive };
})(window.powermon);
