// Which part of which board's time is looked at. Live: the newest span. Inspecting: a fixed [t0, t1). Kept in the URL.
(function (pm) {
  "use strict";

  const SECOND = 1000;
  const HOUR = 3600 * SECOND;
  const RANGES = {
    "10s": 10 * SECOND,
    "60s": 60 * SECOND,
    "5min": 300 * SECOND,
    "1h": HOUR,
    "6h": 6 * HOUR,
    "24h": 24 * HOUR,
    "48h": 48 * HOUR,
  };
  const WINDOW_MS = RANGES["5min"]; // longer spans come from the database
  const LEAST_MS = 20;
  const MOST_MS = 40 * 24 * HOUR;
  const MAX_POINTS = 1200;
  const listeners = [];
  const view = { device: null, live: true, spanMs: RANGES["60s"], t0: 0, t1: 0 };

  function read() {
    const query = new URLSearchParams(window.location.search);
    view.device = query.get("device") || null;
    if (RANGES[query.get("range")]) view.spanMs = RANGES[query.get("range")];
    const [t0, t1] = [Date.parse(query.get("from")), Date.parse(query.get("to"))];
    if (t0 < t1) {
      Object.assign(view, { live: false, t0, t1, spanMs: t1 - t0 });
    }
  }

  let timer = 0;

  // Browsers limit how often the address may change: only where the hand came to rest is written.
  function write() {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => window.history.replaceState(null, "", address()), 300);
  }

  function address() {
    const query = new URLSearchParams();
    if (view.device) query.set("device", view.device);
    if (view.live) query.set("range", rangeName() || "60s");
    else {
      query.set("from", new Date(view.t0).toISOString());
      query.set("to", new Date(view.t1).toISOString());
    }
    return `${window.location.pathname}?${query}`;
  }

  function rangeName() {
    return Object.keys(RANGES).find((name) => Math.abs(RANGES[name] - view.spanMs) < 1) || null;
  }

  function changed() {
    write();
    for (const listener of listeners) listener();
  }

  function bounds() {
    const now = pm.live.now();
    return view.live ? [now - view.spanMs, now] : [view.t0, view.t1];
  }

  // A range button: live it is the newest span; inspecting it keeps the middle of the picture.
  function setRange(name) {
    const span = RANGES[name];
    if (view.live) {
      view.spanMs = span;
      changed();
    } else {
      const middle = (view.t0 + view.t1) / 2;
      inspect(middle - span / 2, middle + span / 2);
    }
  }

  function goLive() {
    if (!RANGES[rangeName()]) {
      const fitting = Object.values(RANGES).find((span) => span >= view.spanMs);
      view.spanMs = fitting || RANGES["48h"];
    }
    view.live = true;
    changed();
  }

  // Looks at [t0, t1]; never beyond now, never less than a few milliseconds.
  function inspect(t0, t1) {
    const span = Math.min(MOST_MS, Math.max(LEAST_MS, t1 - t0));
    const middle = (t0 + t1) / 2;
    let end = middle + span / 2;
    const latest = pm.live.now() + span * 0.05;
    if (end > latest) end = latest;
    Object.assign(view, { live: false, t0: end - span, t1: end, spanMs: span });
    changed();
  }

  function setDevice(device) {
    if (device === view.device) return;
    view.device = device;
    pm.live.restart();
    pm.history.forget(); // another board's curve must not stand under this one's name
    changed();
  }

  // The first answer names the board; a board that appears later is offered, never switched to behind one's back.
  function pin(device) {
    if (view.device) return;
    view.device = device;
    write();
  }

  function points() {
    const width = pm.chart.geometry().width;
    return Math.min(MAX_POINTS, Math.max(200, Math.round(width / 100) * 100));
  }

  pm.view = {
    RANGES,
    read,
    bounds,
    setRange,
    goLive,
    inspect,
    setDevice,
    pin,
    points,
    rangeName,
    device: () => view.device,
    isLive: () => view.live,
    spanMs: () => view.spanMs,
    fromWindow: () => view.live && view.spanMs <= WINDOW_MS,
    liveSpanS: () => (view.live && view.spanMs <= WINDOW_MS ? view.spanMs / SECOND : 60),
    onChange: (listener) => listeners.push(listener),
  };
})(window.powermon);
