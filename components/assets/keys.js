// Keys: on the chart when it has the focus, some anywhere; and the sheet that lists them.
(function (pm) {
  "use strict";

  const STEP = { ArrowLeft: -1, ArrowRight: 1 };
  let selectFrom = null;

  function typing(event) {
    return /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || Boolean(document.querySelector("dialog[open]"));
  }

  // S: from the cursor to the cursor at the second press; without a cursor the whole picture.
  function select() {
    const t = pm.cursor.time();
    if (t === null) {
      const [t0, t1] = pm.chart.bounds();
      pm.selection.set(t0, t1);
    } else if (selectFrom === null) {
      if (pm.view.isLive()) pm.chart.pause();
      selectFrom = t;
      pm.selection.set(t, t + 1);
    } else {
      pm.selection.set(selectFrom, t);
      selectFrom = null;
    }
  }

  function escape() {
    selectFrom = null;
    if (pm.selection.get()) pm.selection.clear("selection");
    else if (pm.selection.markers()) pm.selection.clear("markers");
    else {
      pm.cursor.clear();
      pm.view.goLive();
    }
  }

  const ANYWHERE = {
    s: select,
    d: () => pm.selection.toggleMarkers(),
    l: () => pm.toolbar.toggleLive(),
    escape,
    "?": () => pm.byId("help-dialog").showModal(),
  };
  const WITH_ALT = { a: () => pm.overview.all(), z: () => pm.boxes.zoomTo("selection") };

  function anywhere(event) {
    if (typing(event) || event.ctrlKey || event.metaKey) return;
    // On some keyboards Alt changes the letter: the key's place counts then.
    const letter = event.altKey ? event.code.replace("Key", "").toLowerCase() : event.key.toLowerCase();
    const action = (event.altKey ? WITH_ALT : ANYWHERE)[letter];
    if (!action) return;
    event.preventDefault();
    action();
  }

  function onChart(event) {
    if (STEP[event.key]) {
      event.preventDefault();
      if (event.altKey) pm.gestures.pan(STEP[event.key] * 0.2);
      else {
        if (pm.view.isLive()) pm.chart.pause();
        pm.cursor.step(STEP[event.key] * (event.shiftKey ? 10 : 1));
        if (selectFrom !== null) pm.selection.set(selectFrom, pm.cursor.time());
      }
    } else if (event.key === "+" || event.key === "=") pm.gestures.zoom(0.5, pm.cursor.time() || undefined);
    else if (event.key === "-") pm.gestures.zoom(2, pm.cursor.time() || undefined);
  }

  function start() {
    document.addEventListener("keydown", anywhere);
    pm.on("chart-overlay", "keydown", onChart);
    pm.on("help-button", "click", () => pm.byId("help-dialog").showModal());
    pm.on("help-close", "click", () => pm.byId("help-dialog").close());
  }

  pm.keys = { start };
})(window.powermon);
