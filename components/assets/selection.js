// What is marked on the chart: a selection [t0, t1) and two markers. Belongs to this page alone.
(function (pm) {
  "use strict";

  const LEAST_PX = 4;
  const listeners = [];
  const state = { selection: null, markers: null };
  let layer = null;
  let parts = null;

  function changed() {
    draw();
    for (const listener of listeners) listener();
  }

  function set(a, b) {
    state.selection = a === b ? null : { t0: Math.min(a, b), t1: Math.max(a, b) };
    changed();
  }

  function setMarkers(a, b) {
    state.markers = { a, b };
    changed();
  }

  function moveMarker(name, t) {
    if (!state.markers) return;
    state.markers = Object.assign({}, state.markers, { [name]: t });
    changed();
  }

  function clear(kind) {
    state[kind] = null;
    changed();
  }

  // Markers at a quarter and three quarters of the picture, or gone.
  function toggleMarkers() {
    if (state.markers) {
      clear("markers");
      return;
    }
    const [t0, t1] = pm.chart.bounds();
    setMarkers(t0 + (t1 - t0) / 4, t1 - (t1 - t0) / 4);
  }

  function span(kind) {
    if (kind === "window") {
      const [t0, t1] = pm.chart.bounds();
      return { t0, t1 };
    }
    if (kind === "selection") return state.selection;
    const { markers } = state;
    return markers ? { t0: Math.min(markers.a, markers.b), t1: Math.max(markers.a, markers.b) } : null;
  }

  function build() {
    layer = pm.byId("select-layer");
    if (!layer) return false;
    const edge = (side) => pm.element("span", { class: "edge " + side, "data-edge": side });
    const box = pm.element("div", { class: "selection", hidden: "" }, [edge("left"), edge("right")]);
    const marker = (name) => {
      const head = pm.element("span", { class: "marker-head", "data-marker": name });
      head.textContent = name.toUpperCase();
      return pm.element("div", { class: "marker", hidden: "" }, [head]);
    };
    parts = { box, a: marker("a"), b: marker("b") };
    layer.append(box, parts.a, parts.b);
    return true;
  }

  function draw() {
    if (!parts && !build()) return;
    const [t0, t1] = pm.chart.bounds();
    const { width } = pm.chart.geometry();
    const x = (t) => ((t - t0) / (t1 - t0)) * width;
    const chosen = state.selection;
    pm.show(parts.box, Boolean(chosen));
    if (chosen) {
      parts.box.style.transform = `translateX(${x(chosen.t0).toFixed(1)}px)`;
      parts.box.style.width = `${Math.max(1, x(chosen.t1) - x(chosen.t0)).toFixed(1)}px`;
    }
    for (const name of ["a", "b"]) {
      pm.show(parts[name], Boolean(state.markers));
      if (state.markers) parts[name].style.transform = `translateX(${x(state.markers[name]).toFixed(1)}px)`;
    }
  }

  pm.selection = {
    LEAST_PX,
    set,
    setMarkers,
    moveMarker,
    toggleMarkers,
    clear,
    span,
    draw,
    get: () => state.selection,
    markers: () => state.markers,
    onChange: (listener) => listeners.push(listener),
  };
})(window.powermon);
