// Put into the page by tests/load/screen.py: when each reading was seen first, as a number and in the chart.
(function () {
  "use strict";

  const probe = { numbers: [], chart: [], newest: 0, pulls: 0 };
  window.screenProbe = probe;

  // The frame that shows what was just changed is out when the message after its callback arrives.
  function painted(note) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = note;
    window.requestAnimationFrame(() => port2.postMessage(0));
  }

  function number() {
    const snapshot = window.powermon.live.snapshot();
    if (!snapshot || !snapshot.last) return;
    painted(() => probe.numbers.push(Date.now() - snapshot.last.time));
  }

  // Every reading that this drawing shows and none before did.
  function chart() {
    const data = window.powermon.live.data();
    const fresh = data ? data.t.filter((t) => t > probe.newest) : [];
    if (!fresh.length) return;
    const first = probe.newest === 0;
    probe.newest = fresh[fresh.length - 1];
    if (!first) painted(() => probe.chart.push(...fresh.map((t) => Date.now() - t)));
  }

  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver((_, observer) => {
      const [frame, value] = ["chart-frame", "value-v"].map((id) => document.getElementById(id));
      if (!frame || !value) return;
      observer.disconnect();
      new MutationObserver(chart).observe(frame, { attributes: true, attributeFilter: ["data-t1"] });
      new MutationObserver(number).observe(value, { attributes: true, attributeFilter: ["data-seq"] });
    }).observe(document.documentElement, { childList: true, subtree: true });
  });
})();
