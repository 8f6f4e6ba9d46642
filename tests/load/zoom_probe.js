// Put into the page by tests/load/zoom_latency.py: when a gesture ended, its picture came, and it was on the screen.
(function () {
  "use strict";

  const probe = { ended: 0, answered: 0, drawn: 0, painted: 0, frames: [], panning: false };
  window.zoomProbe = probe;

  function forget() {
    Object.assign(probe, { ended: performance.now(), answered: 0, drawn: 0, painted: 0 });
  }

  window.addEventListener("pointerup", forget, true);

  // The next answer that brings a figure, of whichever callback: on a record that does not grow only a gesture causes one.
  const realFetch = window.fetch;
  window.fetch = async function (url, options) {
    const response = await realFetch(url, options);
    if (String(url).includes("_dash-update-component") && probe.ended && !probe.answered) {
      const answer = response.status === 200 ? await response.clone().json() : {};
      if (answer.response && answer.response.chart && answer.response.chart.figure) probe.answered = performance.now();
    }
    return response;
  };

  function drawn() {
    if (!probe.answered || probe.drawn) return;
    probe.drawn = performance.now();
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => (probe.painted = performance.now());
    window.requestAnimationFrame(() => port2.postMessage(0)); // answered after the frame is out
  }

  function frame(now) {
    if (probe.panning) probe.frames.push(now);
    window.requestAnimationFrame(frame);
  }

  document.addEventListener("DOMContentLoaded", () => {
    window.requestAnimationFrame(frame);
    new MutationObserver((_, observer) => {
      const gd = document.querySelector("#chart .js-plotly-plot");
      if (!gd || !gd.on) return;
      observer.disconnect();
      gd.on("plotly_afterplot", drawn);
    }).observe(document.documentElement, { childList: true, subtree: true });
  });
})();
