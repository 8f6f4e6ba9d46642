// Mouse, wheel and fingers on the chart. Dragging selects (or moves, with Shift or the move tool); one finger moves,
// two zoom, a long press selects. Whatever touches the picture leaves live first: it freezes as it is.
(function (pm) {
  "use strict";

  const START_PX = 4;
  const LONG_PRESS_MS = 450;
  const WHEEL_STEP = 1.0016; // per pixel of the wheel
  const pointers = new Map();
  let action = null;
  let pressTimer = 0;

  function position(event) {
    const rect = pm.byId("chart-overlay").getBoundingClientRect();
    return Math.min(rect.width, Math.max(0, event.clientX - rect.left));
  }

  function timeAt(x, bounds) {
    const [t0, t1] = bounds || pm.chart.bounds();
    return t0 + (x / pm.chart.geometry().width) * (t1 - t0);
  }

  function freeze() {
    if (pm.view.isLive()) pm.chart.pause();
  }

  function down(event) {
    if (event.button !== 0 && event.button !== 1) return;
    pm.byId("chart-overlay").setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, position(event));
    if (pointers.size === 2) startPinch();
    else if (pointers.size === 1) startOne(event);
  }

  function startOne(event) {
    const x = position(event);
    const edge = event.target.dataset.edge;
    const marker = event.target.dataset.marker;
    const touch = event.pointerType === "touch";
    action = { kind: "none", x, bounds: pm.chart.bounds(), moved: false };
    if (marker) action.kind = "marker";
    else if (edge) action.kind = "edge";
    else if (touch || event.button === 1 || event.shiftKey !== pm.prefs.get("pan")) action.kind = "pan";
    else action.kind = "select";
    action.marker = marker;
    action.fixed = edge ? pm.selection.get()[edge === "left" ? "t1" : "t0"] : null;
    if (touch && !marker && !edge) pressTimer = window.setTimeout(longPress, LONG_PRESS_MS);
  }

  function longPress() {
    if (action && !action.moved) action.kind = "select";
  }

  function startPinch() {
    window.clearTimeout(pressTimer);
    const [a, b] = [...pointers.values()];
    freeze();
    const bounds = pm.chart.bounds();
    action = { kind: "pinch", bounds, ta: timeAt(a, bounds), tb: timeAt(b, bounds) };
  }

  function move(event) {
    pm.cursor.pointAt(position(event));
    if (!pointers.has(event.pointerId) || !action) return;
    pointers.set(event.pointerId, position(event));
    if (action.kind === "pinch") {
      pinch();
      return;
    }
    const dx = position(event) - action.x;
    if (!action.moved && Math.abs(dx) < START_PX) return;
    begin();
    drag(dx, position(event));
  }

  // The first movement: from here on it is a drag, and the picture stands still.
  function begin() {
    if (action.moved) return;
    action.moved = true;
    window.clearTimeout(pressTimer);
    freeze();
    action.bounds = pm.chart.bounds();
    action.from = timeAt(action.x, action.bounds);
  }

  function drag(dx, x) {
    const [t0, t1] = action.bounds;
    if (action.kind === "pan") {
      const shift = (-dx / pm.chart.geometry().width) * (t1 - t0);
      pm.view.inspect(t0 + shift, t1 + shift);
    } else if (action.kind === "select") pm.selection.set(action.from, timeAt(x));
    else if (action.kind === "edge") pm.selection.set(action.fixed, timeAt(x));
    else if (action.kind === "marker") pm.selection.moveMarker(action.marker, timeAt(x));
  }

  // The moments under the two fingers stay under them.
  function pinch() {
    const [a, b] = [...pointers.values()];
    if (Math.abs(b - a) < 10) return;
    const perPx = (action.tb - action.ta) / (b - a);
    if (!(perPx > 0)) return;
    const t0 = action.ta - a * perPx;
    pm.view.inspect(t0, t0 + pm.chart.geometry().width * perPx);
  }

  function up(event) {
    window.clearTimeout(pressTimer);
    pointers.delete(event.pointerId);
    if (action && action.kind === "select" && !action.moved) pm.selection.clear("selection");
    if (pointers.size === 0) action = null;
  }

  function wheel(event) {
    event.preventDefault();
    freeze();
    const [t0, t1] = pm.chart.bounds();
    const unit = event.deltaMode === 1 ? 16 : 1;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const shift = ((event.deltaX || event.deltaY) * unit * (t1 - t0)) / pm.chart.geometry().width;
      pm.view.inspect(t0 + shift, t1 + shift);
    } else zoom(WHEEL_STEP ** (event.deltaY * unit), timeAt(position(event)));
  }

  // `factor` > 1 shows more time; the moment `fixed` stays where it is.
  function zoom(factor, fixed) {
    freeze();
    const [t0, t1] = pm.chart.bounds();
    const center = fixed === undefined ? (t0 + t1) / 2 : fixed;
    pm.view.inspect(center - (center - t0) * factor, center + (t1 - center) * factor);
  }

  function pan(share) {
    freeze();
    const [t0, t1] = pm.chart.bounds();
    pm.view.inspect(t0 + (t1 - t0) * share, t1 + (t1 - t0) * share);
  }

  function start() {
    const overlay = pm.byId("chart-overlay");
    overlay.addEventListener("pointerdown", down);
    overlay.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) overlay.addEventListener(name, up);
    overlay.addEventListener("pointerleave", () => pm.cursor.leave());
    overlay.addEventListener("wheel", wheel, { passive: false });
    overlay.addEventListener("dblclick", () => pm.view.goLive());
  }

  pm.gestures = { start, zoom, pan };
})(window.powermon);
