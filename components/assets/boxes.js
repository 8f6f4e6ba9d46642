// WINDOW, SELECTION and MARKERS: what the server says of a span. The newest question wins; live it is asked every 3 s.
(function (pm) {
  "use strict";

  const REST_MS = 180;
  const LIVE_MS = 3000;
  const KINDS = ["window", "selection", "markers"];
  const boxes = {};

  for (const kind of KINDS) boxes[kind] = { timer: 0, controller: null, key: "", askedAt: -Infinity };

  function want(kind, delayMs) {
    const box = boxes[kind];
    const span = pm.selection.span(kind);
    pm.setAttribute(`${kind}-box`, "data-filled", Boolean(span));
    pm.show(`${kind}-empty`, !span);
    if (!span) {
      box.key = "";
      if (box.controller) box.controller.abort();
      window.clearTimeout(box.timer);
      pm.setText(`${kind}-when`, "");
      return;
    }
    showSpan(kind, span);
    const key = `${pm.view.device()}|${Math.round(span.t0)}|${Math.round(span.t1)}`;
    if (key === box.key || !pm.view.device()) return;
    box.key = key;
    window.clearTimeout(box.timer);
    box.timer = window.setTimeout(() => ask(kind, span), delayMs === undefined ? REST_MS : delayMs);
  }

  function showSpan(kind, span) {
    pm.setText(`${kind}-when`, `${pm.times.moment(span.t0)} – ${pm.times.clock(span.t1)}`);
    pm.setNumber(`${kind}-span`, pm.times.duration((span.t1 - span.t0) / 1000), (span.t1 - span.t0) / 1000);
  }

  async function ask(kind, span) {
    const box = boxes[kind];
    if (box.controller) box.controller.abort();
    box.controller = new AbortController();
    const mine = box.controller;
    box.askedAt = performance.now();
    try {
      const asked = { device: pm.view.device(), from: span.t0 / 1000, to: span.t1 / 1000 };
      const stats = await pm.api.get("/api/stats", asked, mine.signal);
      if (mine === box.controller) show(kind, stats, span);
    } catch (error) {
      if (mine === box.controller) box.key = ""; // asked again with the next change or tick
    }
  }

  function show(kind, stats, span) {
    for (const channel of pm.data.CHANNELS) {
      const of = stats[channel];
      pm.setNumber(`${kind}-${channel}-avg`, pm.units.value(channel, of.mean), of.mean);
      pm.setNumber(`${kind}-${channel}-min`, pm.units.value(channel, of.min), of.min);
      pm.setNumber(`${kind}-${channel}-max`, pm.units.value(channel, of.max), of.max);
      pm.setText(`${kind}-${channel}-unit`, pm.units.unit(channel));
    }
    const energy = pm.units.energy(stats.energy_wh);
    pm.setNumber(`${kind}-wh`, `${energy.text} ${energy.unit}`, stats.energy_wh);
    pm.setNumber(`${kind}-mah`, `${pm.units.sum(stats.charge_mah)} mAh`, stats.charge_mah);
    const whole = (span.t1 - span.t0) / 1000;
    const share = whole > 0 ? Math.min(1, stats.coverage_s / whole) : null;
    pm.setNumber(`${kind}-coverage`, `${pm.times.duration(stats.coverage_s)} (${pm.units.percent(share)})`, stats.coverage_s);
    const complete = stats.counts ? stats.counts.completeness : null;
    pm.setNumber(`${kind}-completeness`, pm.units.percent(complete), complete);
    pm.setAttribute(`${kind}-box`, "data-count", stats.count);
  }

  function tick() {
    if (!pm.view.isLive() || document.hidden) return;
    if (performance.now() - boxes.window.askedAt >= LIVE_MS) want("window", 0);
  }

  function wantAll() {
    for (const kind of KINDS) want(kind);
  }

  function start() {
    pm.view.onChange(() => want("window"));
    pm.selection.onChange(() => {
      want("selection");
      want("markers");
    });
    for (const name of ["language", "zone"]) pm.prefs.onChange(name, wantAll);
    for (const button of document.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => zoomTo(button.dataset.zoom));
    for (const button of document.querySelectorAll("[data-clear]")) {
      button.addEventListener("click", () => pm.selection.clear(button.dataset.clear));
    }
    pm.on("markers-place", "click", () => pm.selection.toggleMarkers());
    wantAll();
  }

  function zoomTo(kind) {
    const span = pm.selection.span(kind);
    if (!span) return;
    if (pm.view.isLive()) pm.chart.pause();
    pm.view.inspect(span.t0, span.t1);
  }

  pm.boxes = { start, tick, zoomTo };
})(window.powermon);
