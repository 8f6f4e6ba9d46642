// Tells the panels that the server fills when to look again: after a change of state, and every few seconds.
(function (pm) {
  "use strict";

  const LEAST_MS = 1000; // between two looks
  const AGAIN_MS = 2500; // the database is up to a second behind what was just announced
  const SLOW_MS = 5000;

  let shown = "";
  let lastMs = -LEAST_MS;
  let slowCount = 0;
  let current = null;

  function send() {
    lastMs = performance.now();
    window.dash_clientside.set_props("pulse", { data: Object.assign({ language: pm.prefs.language(), sent: lastMs }, current) });
  }

  function changed(device, version) {
    const key = `${device}|${version}|${pm.prefs.language()}`;
    if (key === shown || performance.now() - lastMs < LEAST_MS) return;
    shown = key;
    current = { device, version };
    send();
    window.setTimeout(() => {
      if (shown === key && !document.hidden && pm.live.answered()) send();
    }, AGAIN_MS);
  }

  function slow() {
    if (document.hidden || !pm.live.answered()) return;
    slowCount += 1;
    window.dash_clientside.set_props("slow-pulse", { data: { language: pm.prefs.language(), n: slowCount } });
  }

  function start() {
    window.setInterval(slow, SLOW_MS);
    pm.prefs.onChange("language", slow);
    slow();
  }

  pm.pulse = { start, changed };
})(window.powermon);
