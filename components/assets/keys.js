// Keys: a cursor on the chart (Plotly's own hover, moved by arrows), and single letters that Python answers (explore.py).
// Browser-only: a callback cannot know which key was pressed, and the cursor must follow without a request.
(function () {
  "use strict";

  const SIMPLE = { l: "l", a: "a", Escape: "escape", "+": "+", "=": "+", "-": "-", 1: "1", 2: "2", 3: "3", Backspace: "back" };
  let at = null; // index of the cursor's point
  let begin = null; // time where a selection by keys began
  let pressedLately = []; // a few, numbered: Python answers those it has not answered yet, however quickly they follow

  const plot = () => document.querySelector("#chart .js-plotly-plot");

  function curve() {
    const gd = plot();
    return gd && gd._fullData && gd._fullData.find((trace) => trace.mode === "lines" && trace.showlegend && trace.visible === true);
  }

  // The cursor's time as the axis shows it. Another span may have fewer points: then it is at the last one.
  function timeOfCursor() {
    const gd = plot();
    const trace = curve();
    const points = trace ? gd.calcdata[trace.index] : [];
    if (at === null || !points.length) return null;
    at = Math.min(at, points.length - 1);
    return gd._fullLayout.xaxis.c2r(points[at].x);
  }

  function send(key, more) {
    const before = pressedLately.length ? pressedLately[pressedLately.length - 1].n : 0;
    const given = Object.assign({ key, n: Math.max(Date.now(), before + 1), at: timeOfCursor() }, more);
    pressedLately = [...pressedLately, given].slice(-32);
    window.dash_clientside.set_props("key", { data: pressedLately });
  }

  function move(by) {
    const gd = plot();
    const trace = curve();
    if (!trace) return;
    const last = trace.x.length - 1;
    at = Math.max(0, Math.min(last, (at === null ? last : at) + by));
    while (at > 0 && at < last && Number.isNaN(trace.y[at])) at += Math.sign(by) || 1;
    window.Plotly.Fx.hover(gd, [{ curveNumber: trace.index, pointNumber: at }], ["xy", "xy2", "xy3"]);
  }

  function select() {
    if (at === null) move(0);
    if (begin === null) {
      begin = timeOfCursor();
      return;
    }
    send("select", { ends: [begin, timeOfCursor()] });
    begin = null;
  }

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input[type=text], input:not([type]), textarea, select, .offcanvas, .modal")) return;
    if (event.key === "Escape" && document.querySelector(".offcanvas.show, .modal.show")) return; // it closes that
    const onControl = event.target.closest("input, [role=radiogroup]");
    if (event.key === "?") {
      const help = document.getElementById("open-help");
      if (help) help.click();
    } else if (!onControl && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      const way = event.key === "ArrowLeft" ? -1 : 1;
      if (event.shiftKey) send(way < 0 ? "earlier" : "later");
      else move(way);
    } else if (event.key === "s") {
      select();
    } else if (SIMPLE[event.key]) {
      send(SIMPLE[event.key]);
      if (event.key === "Escape") begin = null;
    } else {
      return;
    }
    event.preventDefault();
  }

  document.addEventListener("keydown", pressed);
  document.addEventListener("pointermove", (event) => {
    if (event.target.closest && event.target.closest("#chart")) at = null;
  });
})();
