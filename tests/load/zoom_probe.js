// Put into the page by tests/load/zoom_latency.py before its own scripts: notes when a wheel turned and what followed it.
(function () {
  "use strict";

  const probe = { wheel: 0, moved: 0, asked: 0, answered: 0, drawn: 0, painted: 0, asking: 0 };
  window.zoomProbe = probe;

  // The page is told of the wheel after us; times are those at which the browser got to know of it.
  window.addEventListener(
    "wheel",
    (event) => Object.assign(probe, { wheel: event.timeStamp, moved: 0, asked: 0, answered: 0, drawn: 0, painted: 0 }),
    { capture: true, passive: true },
  );

  const realFetch = window.fetch;
  window.fetch = async function (url, options) {
    if (!String(url).includes("/api/curve") || !probe.wheel) return realFetch(url, options);
    const wheel = probe.wheel;
    probe.asked = performance.now();
    probe.asking += 1;
    try {
      const response = await realFetch(url, options);
      const text = await response.clone().text();
      if (wheel === probe.wheel) Object.assign(probe, { answered: performance.now(), bytes: text.length });
      return response;
    } finally {
      probe.asking -= 1;
    }
  };

  // chart.js writes these attributes at the end of each drawing.
  function drawn(frame) {
    const now = performance.now();
    if (!probe.moved) probe.moved = now;
    if (!probe.answered || probe.drawn || frame.dataset.loading !== "false") return;
    probe.drawn = now;
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => (probe.painted = performance.now());
    window.requestAnimationFrame(() => port2.postMessage(0)); // answered after the frame is out
  }

  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver((_, observer) => {
      const frame = document.getElementById("chart-frame");
      if (!frame) return;
      observer.disconnect();
      new MutationObserver(() => probe.wheel && drawn(frame)).observe(frame, {
        attributes: true,
        attributeFilter: ["data-t0", "data-t1", "data-loading"],
      });
    }).observe(document.documentElement, { childList: true, subtree: true });
  });
})();
