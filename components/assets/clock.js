// Is the tab seen? A hidden one stops the clocks; so does a finger or mouse button down on the chart, because a redraw
// under a drag would end it: an answer that was under way then waits for the release before it is drawn.
// Another property than `disabled`, with which the live callback holds one answer in flight.
(function () {
  "use strict";

  let held = false;
  let waiting = []; // drawings of answers that came during a drag

  function setClocks() {
    if (!document.getElementById("page")) return; // Dash has not laid the page out yet
    const go = !document.hidden && !held;
    window.dash_clientside.set_props("tick", { max_intervals: go ? -1 : 0 });
    window.dash_clientside.set_props("slow", { max_intervals: document.hidden ? 0 : -1 });
  }

  function hold(value) {
    if (held === value) return;
    held = value;
    setClocks();
    if (held) waitWithDrawing();
    else setTimeout(drawWaiting); // after Plotly has seen the same release
  }

  function waitWithDrawing() {
    const plotly = window.Plotly;
    if (!plotly || plotly.react.waits) return;
    const react = plotly.react;
    plotly.react = (...given) =>
      held ? new Promise((drawn) => waiting.push(() => drawn(react(...given)))) : react(...given);
    plotly.react.waits = true;
  }

  function drawWaiting() {
    const draw = waiting;
    waiting = [];
    for (const one of draw) one();
  }

  document.addEventListener("visibilitychange", setClocks);
  document.addEventListener("pointerdown", (event) => hold(Boolean(event.target.closest && event.target.closest("#chart"))), true);
  for (const name of ["pointerup", "pointercancel", "blur"]) window.addEventListener(name, () => hold(false), true);
})();
