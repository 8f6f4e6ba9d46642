// The window as a table, for everyone who cannot or would not read a chart. The server gives its rows, exact extremes included.
(function (pm) {
  "use strict";

  const ROWS = 30;
  const LIVE_MS = 3000;
  let askedAt = -Infinity;
  let controller = null;
  let timer = 0;

  async function load() {
    if (!pm.prefs.get("table") || !pm.view.device()) return;
    if (controller) controller.abort();
    controller = new AbortController();
    const mine = controller;
    askedAt = performance.now();
    const [t0, t1] = pm.chart.bounds();
    try {
      const asked = { device: pm.view.device(), from: t0 / 1000, to: t1 / 1000, points: ROWS };
      const payload = await pm.api.get("/api/curve", asked, mine.signal);
      if (mine === controller) fill(pm.data.fromPayload(payload));
    } catch (error) {
      if (!(error instanceof pm.api.Failure) && mine === controller) throw error;
    }
  }

  function fill(data) {
    const head = ["table.time", "channel.v", "channel.a", "channel.w"].map((key, i) => {
      const cell = pm.element("th", { scope: "col" });
      const channel = pm.data.CHANNELS[i - 1];
      cell.textContent = channel ? `${pm.text(key)} (${pm.units.unit(channel)})` : pm.text(key);
      return cell;
    });
    const rows = data.t.map((t, i) => pm.element("tr", {}, [cell("th", pm.times.millis(t)), ...values(data, i)]));
    const table = pm.element("table", {}, [
      pm.element("thead", {}, [pm.element("tr", {}, head)]),
      pm.element("tbody", {}, rows),
    ]);
    pm.byId("chart-table").replaceChildren(table);
  }

  function cell(tag, text) {
    const element = pm.element(tag, tag === "th" ? { scope: "row", class: "number" } : { class: "number" });
    element.textContent = text;
    return element;
  }

  function values(data, i) {
    return pm.data.CHANNELS.map((channel) => {
      const { min, mean, max } = data[channel];
      const text = pm.units.value(channel, mean[i]);
      const extremes = ` (${pm.units.value(channel, min[i])} … ${pm.units.value(channel, max[i])})`;
      return cell("td", data.bucketMs ? text + extremes : text);
    });
  }

  function apply() {
    const shown = pm.prefs.get("table");
    pm.show("chart-table", shown);
    pm.setAttribute("table-button", "aria-pressed", shown);
    if (shown) load();
  }

  function tick() {
    if (pm.view.isLive() && pm.prefs.get("table") && performance.now() - askedAt > LIVE_MS) load();
  }

  function start() {
    pm.on("table-button", "click", () => pm.prefs.set("table", !pm.prefs.get("table")));
    for (const name of ["table", "language", "zone"]) pm.prefs.onChange(name, apply);
    pm.view.onChange(() => {
      window.clearTimeout(timer);
      timer = window.setTimeout(load, 250);
    });
    apply();
  }

  pm.table = { start, tick };
})(window.powermon);
