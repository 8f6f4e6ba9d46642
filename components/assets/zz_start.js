// Starts everything once the skeleton stands; Dash calls `start` with what the server wrote for the browser.
(function (pm) {
  "use strict";

  let started = false;

  function start(spec) {
    if (started || !spec) return;
    started = true;
    pm.spec = spec;
    pm.phrases.start(spec.phrases);
    pm.texts.start(spec.text);
    pm.view.read();
    pm.live.start(spec.interval_ms);
    pm.status.start();
    pm.chart.start(spec.chart);
    pm.toolbar.start();
    pm.gestures.start();
    pm.keys.start();
    pm.boxes.start();
    pm.overview.start();
    pm.table.start();
    pm.exporting.start();
    pm.forms.start();
    pm.devices.start();
    pm.pulse.start();
    pm.live.tick();
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, { powermon: { start } });
})(window.powermon);
