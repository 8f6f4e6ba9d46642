// The wheel belongs to the page until the chart was clicked: Plotly takes every wheel when scrollZoom is on, and a page
// with a chart in it could not be scrolled. Ctrl + wheel is the browser's zoom always.
(function () {
  "use strict";

  let armed = false;

  function onChart(event) {
    return Boolean(event.target.closest && event.target.closest("#chart"));
  }

  document.addEventListener("pointerdown", (event) => (armed = onChart(event)), true);
  document.addEventListener("keydown", (event) => (armed = armed && event.key !== "Escape"), true);
  document.addEventListener(
    "wheel",
    (event) => {
      if (onChart(event) && (!armed || event.ctrlKey)) event.stopPropagation();
    },
    { capture: true, passive: true },
  );
})();
