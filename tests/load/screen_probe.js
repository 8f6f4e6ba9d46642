// Put into the page by tests/load/screen.py: how old each reading was in the frame that showed it first in the chart.
(function () {
  "use strict";

  const probe = { chart: [], newest: 0 };
  window.screenProbe = probe;

  // The frame that shows what was just changed is out when the message after its callback arrives.
  function painted(note) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = note;
    window.requestAnimationFrame(() => port2.postMessage(0));
  }

  // Every reading that this drawing shows and none before did. The times are UTC when reader and browser share a zone.
  function drawn(gd) {
    const line = gd._fullData && gd._fullData[3];
    if (!line || !line.x || !line.x.length) return;
    const fresh = Array.from(line.x).filter((t) => t > probe.newest);
    if (!fresh.length) return;
    const first = probe.newest === 0;
    probe.newest = fresh[fresh.length - 1];
    if (!first) painted(() => probe.chart.push(...fresh.map((t) => Date.now() - t)));
  }

  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver((_, observer) => {
      const gd = document.querySelector("#chart .js-plotly-plot");
      if (!gd || !gd.on) return;
      observer.disconnect();
      gd.on("plotly_afterplot", () => drawn(gd));
    }).observe(document.documentElement, { childList: true, subtree: true });
  });
})();
