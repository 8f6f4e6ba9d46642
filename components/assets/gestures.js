// The wheel belongs to the page until the chart was clicked: Plotly takes every wheel when scrollZoom is on, and a page
// with a chart in it could not be scrolled. Ctrl + wheel is the browser's zoom always.
// What is done on the chart is handed on in a numbered list, as keys are: Dash keeps only Plotly's last word, and a word about
// the chart's size would take the place of a zoom that nobody has answered yet.
(function () {
  "use strict";

  const OURS = /^(xaxis\.(range|autorange)|shapes\[)/;
  let armed = false;
  let listensTo = null; // the chart's element
  let doneLately = [];

  function onChart(event) {
    return Boolean(event.target.closest && event.target.closest("#chart"));
  }

  function handOn(done) {
    const before = doneLately.length ? doneLately[doneLately.length - 1].n : 0;
    doneLately = [...doneLately, Object.assign({ n: Math.max(Date.now(), before + 1) }, done)].slice(-32);
    window.dash_clientside.set_props("on-chart", { data: doneLately });
  }

  function listen() {
    const gd = document.querySelector("#chart .js-plotly-plot");
    if (!gd || !gd.on || gd === listensTo) return;
    listensTo = gd;
    gd.on("plotly_relayout", (given) => Object.keys(given || {}).some((key) => OURS.test(key)) && handOn({ relayout: given }));
    gd.on("plotly_restyle", (given) => handOn({ restyle: given }));
  }

  document.addEventListener(
    "pointerdown",
    (event) => {
      armed = onChart(event);
      if (armed) listen();
    },
    true,
  );
  document.addEventListener("keydown", (event) => (armed = armed && event.key !== "Escape"), true);
  document.addEventListener(
    "wheel",
    (event) => {
      if (onChart(event) && (!armed || event.ctrlKey)) event.stopPropagation();
    },
    { capture: true, passive: true },
  );
})();
