// How long from a reading's time until it is on the screen: only the browser knows when a frame is out.
(function () {
  "use strict";

  const KEPT = 200; // readings
  let ages = [];
  let newest = 0;

  function at(share) {
    const ordered = [...ages].sort((one, other) => one - other);
    return Math.round(ordered[Math.min(Math.floor(ordered.length * share), ordered.length - 1)]);
  }

  function show() {
    const lamp = document.getElementById("speed");
    if (!lamp || ages.length < 20) return;
    lamp.dataset.p50 = at(0.5);
    lamp.dataset.p95 = at(0.95);
    lamp.textContent = lamp.dataset.words.replace("{p50}", at(0.5)).replace("{p95}", at(0.95));
  }

  // The times on the axis are UTC where reader and browser share a zone; elsewhere nothing is claimed.
  function drawn(gd) {
    const line = gd._fullData && gd._fullData[3];
    if (!line || !line.x || !line.x.length || gd._fullLayout.xaxis.autorange !== true) return;
    const last = line.x[line.x.length - 1];
    const age = Date.now() - last;
    if (last > newest && newest > 0 && age > -1000 && age < 60000) {
      window.requestAnimationFrame(() => {
        ages = [...ages, Date.now() - last].slice(-KEPT);
        if (ages.length % 4 === 0) show();
      });
    }
    newest = last;
  }

  new MutationObserver((_, observer) => {
    const gd = document.querySelector("#chart .js-plotly-plot");
    if (!gd || !gd.on) return;
    observer.disconnect();
    gd.on("plotly_afterplot", () => drawn(gd));
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
