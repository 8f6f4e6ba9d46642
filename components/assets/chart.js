// The chart: puts the points of the view into the figure's parts and lets Plotly draw, four times a second when live.
(function (pm) {
  "use strict";

  const LIVE_MS = 250;
  const LONG_LIVE_MS = [2000, 30000]; // a long live range is asked for again at this pace, depending on its length
  let parts = null;
  let lastMs = -Infinity;
  let queued = false;
  let context = "";
  const drawnRanges = {};

  function graph() {
    const element = document.querySelector("#chart .js-plotly-plot");
    return window.Plotly && element ? element : null;
  }

  function layoutParts() {
    return (pm.prefs.get("overlaid") ? parts.overlaid : parts.stacked)[pm.prefs.theme()];
  }

  // The plot area within the frame, in CSS pixels.
  function geometry() {
    const frame = pm.byId("chart-frame");
    const width = frame ? frame.clientWidth : 1000;
    const height = frame ? frame.clientHeight : 400;
    const margin = parts ? layoutParts().margin : { l: 60, r: 20, t: 10, b: 30 };
    return {
      left: margin.l,
      top: margin.t,
      width: Math.max(50, width - margin.l - margin.r),
      height: Math.max(50, height - margin.t - margin.b),
    };
  }

  function current() {
    return pm.view.fromWindow() ? pm.live.data() : pm.history.data();
  }

  // Live, and long enough to come from the database: the picture stands still between two answers.
  function bounds() {
    const asked = pm.view.bounds();
    if (!pm.view.isLive() || pm.view.fromWindow() || !pm.history.data()) return asked;
    const [t0, t1] = pm.history.span();
    return Math.abs(t1 - t0 - pm.view.spanMs()) < 1000 ? [t0, t1] : asked;
  }

  function tick() {
    pm.boxes.tick();
    pm.overview.tick();
    pm.table.tick();
    if (pm.view.isLive() && !pm.view.fromWindow()) askAgain();
    if (!pm.view.isLive()) return; // a view that is looked at stands still
    if (performance.now() - lastMs >= LIVE_MS && pm.view.fromWindow()) draw();
  }

  function askAgain() {
    const pace = Math.min(LONG_LIVE_MS[1], Math.max(LONG_LIVE_MS[0], pm.view.spanMs() / 600));
    if (pm.history.ageMs() > pace && !pm.history.loading()) {
      const [t0, t1] = pm.view.bounds();
      pm.history.want(t0, t1, pm.view.points(), 0);
    }
  }

  function viewChanged() {
    if (!pm.view.fromWindow()) {
      const [t0, t1] = pm.view.bounds();
      pm.history.want(t0, t1, pm.view.points());
    }
    showControls();
    requestDraw();
  }

  function requestDraw() {
    if (queued) return;
    queued = true;
    window.requestAnimationFrame(() => {
      queued = false;
      draw();
    });
  }

  function draw() {
    const gd = graph();
    if (!gd || document.hidden) return;
    lastMs = performance.now();
    const [t0, t1] = bounds();
    const area = geometry();
    const data = pm.data.slice(current() || pm.data.empty(), t0, t1);
    observe(data, t0, t1);
    const traces = pm.traces.build(parts.traces[pm.prefs.theme()], data, hidden(), (t1 - t0) / area.width);
    window.Plotly.react(gd, traces, layout(data, t0, t1, area));
    placeOverlay(area);
    pm.marks.update(data, t0, t1, area);
    pm.limits.update(panes(), area);
    pm.selection.draw();
    pm.cursor.update(data, t0, t1, area);
    showState(data, t0, t1);
    if (pm.view.isLive() && pm.view.fromWindow()) pm.speed.drawn(data);
    else pm.speed.forget();
  }

  function hidden() {
    return pm.prefs.get("hidden");
  }

  function observe(data, t0, t1) {
    for (const channel of pm.data.CHANNELS) {
      const extremes = pm.data.extremes(data, channel, t0, t1);
      pm.units.observe(channel, "chart", extremes ? Math.max(Math.abs(extremes[0]), Math.abs(extremes[1])) : 0);
    }
  }

  function layout(data, t0, t1, area) {
    const result = Object.assign({}, layoutParts());
    const ticks = pm.scale.timeTicks(t0, t1, area.width);
    result.xaxis = Object.assign({}, result.xaxis, { range: [t0, t1], tickvals: ticks.values, ticktext: ticks.texts });
    const shown = pm.data.CHANNELS.filter((channel) => !hidden().includes(channel));
    const domains = parts.panes[shown.length];
    for (const channel of pm.data.CHANNELS) {
      const height = pm.prefs.get("overlaid") ? area.height : area.height / Math.max(1, shown.length);
      const axis = Object.assign({}, result[parts.axes[channel]], valueAxis(data, channel, t0, t1, height));
      axis.visible = shown.includes(channel);
      if (!pm.prefs.get("overlaid") && axis.visible) axis.domain = domains[shown.indexOf(channel)];
      result[parts.axes[channel]] = axis;
    }
    return result;
  }

  // Where each shown channel's pane begins and ends (shares of the height, from the top) and the range it shows.
  function panes() {
    const shown = pm.data.CHANNELS.filter((channel) => !hidden().includes(channel));
    const result = {};
    shown.forEach((channel, row) => {
      const [bottom, top] = pm.prefs.get("overlaid") ? [0, 1] : parts.panes[shown.length][row];
      result[channel] = { top: 1 - top, bottom: 1 - bottom, range: drawnRanges[channel] };
    });
    return result;
  }

  function valueAxis(data, channel, t0, t1, height) {
    const extremes = pm.data.extremes(data, channel, t0, t1);
    const range = pm.scale.valueRange(channel, extremes, context) || parts.empty[channel];
    drawnRanges[channel] = range;
    const scale = pm.units.scale(channel);
    const [low, high] = [range[0] * scale, range[1] * scale];
    const ticks = pm.scale.valueTicks(low, high, height);
    return { range: [low, high], tickvals: ticks.values, ticktext: ticks.texts };
  }

  function placeOverlay(area) {
    for (const id of ["chart-overlay", "pane-labels"]) {
      const { style } = pm.byId(id);
      style.left = `${area.left}px`;
      style.top = `${area.top}px`;
      style.width = `${area.width}px`;
      style.height = `${area.height}px`;
    }
    placeLabels();
  }

  // Name and unit of each axis, inside its pane at the top left (or over its axis when the axes share one pane).
  function placeLabels() {
    const layer = pm.byId("pane-labels");
    const overlaid = pm.prefs.get("overlaid");
    const shown = pm.data.CHANNELS.filter((channel) => !hidden().includes(channel));
    pm.setAttribute(layer, "data-overlaid", overlaid);
    for (const label of layer.children) {
      const channel = label.dataset.channel;
      const row = shown.indexOf(channel);
      pm.show(label, row >= 0);
      if (row < 0) continue;
      pm.setText(label, overlaid ? pm.units.unit(channel) : `${pm.text("channel." + channel)} · ${pm.units.unit(channel)}`);
      label.style.top = overlaid ? "" : `${((1 - parts.panes[shown.length][row][1]) * 100).toFixed(2)}%`;
    }
  }

  // Between two readings that are joined the line goes through the picture, though no reading lies in it.
  function crossed(data) {
    return data.t.length > 1 && !data.breaks[1];
  }

  function showState(data, t0, t1) {
    const begin = pm.lowerBound(data.t, t0 - data.bucketMs);
    const count = Math.max(0, pm.lowerBound(data.t, t1) - begin);
    const error = pm.view.fromWindow() ? null : pm.history.error();
    const loading = !pm.view.fromWindow() && pm.history.loading();
    const allHidden = hidden().length === pm.data.CHANNELS.length;
    pm.show("chart-empty", count === 0 && !crossed(data) && !loading && !error && !allHidden);
    pm.show("chart-empty-more", pm.view.isLive());
    pm.show("chart-state", Boolean(error || (loading && count === 0) || allHidden));
    const failed = error ? pm.text("chart.failed", { message: pm.phrase(error.message) }) : pm.text("chart.loading");
    pm.setText("chart-state", allHidden ? pm.text("chart.no_curve") : failed);
    const n = pm.units.number(count, 0);
    const width = pm.times.duration(data.bucketMs / 1000);
    const note = data.bucketMs ? pm.text("chart.note.buckets", { n, width }) : pm.text("chart.note.raw", { n });
    pm.setNumber("chart-note", count ? note : "", count);
    pm.setAttribute("chart-frame", "data-t0", Math.round(t0));
    pm.setAttribute("chart-frame", "data-t1", Math.round(t1));
    pm.setAttribute("chart-frame", "data-bucket-ms", data.bucketMs);
    pm.setAttribute("chart-frame", "data-loading", loading);
  }

  function showControls() {
    const name = pm.view.rangeName();
    for (const button of pm.byId("range-buttons").children) {
      pm.setAttribute(button, "aria-pressed", button.dataset.range === name);
    }
    pm.setAttribute("live-switch", "aria-checked", pm.view.isLive());
    pm.setAttribute(document.documentElement, "data-view", pm.view.isLive() ? "live" : "inspect");
    context = `${pm.view.device()}|${pm.view.isLive() ? pm.view.spanMs() : "inspect"}`;
    for (const channel of pm.data.CHANNELS) pm.setAttribute("curve-" + channel, "aria-pressed", !hidden().includes(channel));
    pm.setAttribute("mode-button", "aria-pressed", pm.prefs.get("overlaid"));
    pm.setAttribute("zero-button", "aria-pressed", pm.prefs.get("zero"));
    pm.setAttribute("tool-button", "aria-pressed", pm.prefs.get("pan"));
    pm.setAttribute("lock-button", "aria-pressed", pm.scale.locked());
  }

  // Live off: the picture freezes as it is; recording goes on.
  function pause(t0, t1) {
    const [from, to] = t0 === undefined ? bounds() : [t0, t1];
    if (pm.view.fromWindow() && pm.live.data()) pm.history.freeze(pm.live.data(), from, to);
    pm.view.inspect(from, to);
  }

  function start(chartParts) {
    parts = chartParts;
    pm.view.onChange(viewChanged);
    for (const name of ["theme", "language", "zone", "overlaid", "hidden", "zero", "pan"]) {
      pm.prefs.onChange(name, () => {
        if (name === "zero") pm.scale.forget();
        showControls();
        requestDraw();
      });
    }
    new ResizeObserver(requestDraw).observe(pm.byId("chart-frame"));
    viewChanged();
    waitForPlotly();
  }

  // Plotly is loaded after the page stands; the frame is drawn as soon as it is there.
  function waitForPlotly() {
    if (graph()) requestDraw();
    else window.setTimeout(waitForPlotly, 50);
  }

  pm.chart = { start, tick, requestDraw, viewChanged, geometry, bounds, pause, current, hidden };
})(window.powermon);
