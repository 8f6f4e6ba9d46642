// Which boards there are: a list to choose from when there are several, and the offer of a real one while the demo runs.
(function (pm) {
  "use strict";

  const EVERY_MS = 5000;
  let listed = "";

  async function look() {
    if (document.hidden || !pm.live.answered()) return;
    try {
      const { devices } = await pm.api.get("/api/devices");
      list(devices);
      offer(devices);
    } catch (error) {
      if (!(error instanceof pm.api.Failure)) throw error; // the tick tells that the program does not answer
    }
  }

  function list(devices) {
    const names = devices.map((info) => info.device);
    const chosen = pm.view.device();
    if (chosen && !names.includes(chosen)) names.push(chosen);
    const select = pm.byId("device-select");
    pm.show(select, names.length > 1);
    pm.show("device-name", names.length <= 1);
    const key = JSON.stringify(names);
    if (key !== listed) {
      listed = key;
      select.replaceChildren(...names.map((name) => option(name)));
    }
    if (chosen && select.value !== chosen) select.value = chosen;
  }

  function option(name) {
    const element = pm.element("option", { value: name });
    element.textContent = name;
    return element;
  }

  function offer(devices) {
    const snapshot = pm.live.snapshot();
    const real = snapshot && snapshot.demo ? devices.find((info) => !info.demo && info.state === "live") : undefined;
    pm.show("offer-banner", Boolean(real));
    if (!real) return;
    pm.setText("offer-text", pm.text("banner.offer", { device: real.device }));
    pm.byId("offer-button").dataset.device = real.device;
  }

  function start() {
    pm.on("device-select", "change", (event) => pm.view.setDevice(event.target.value));
    pm.on("offer-button", "click", (event) => pm.view.setDevice(event.currentTarget.dataset.device));
    pm.view.onChange(() => {
      const select = pm.byId("device-select");
      if (pm.view.device()) select.value = pm.view.device();
    });
    window.setInterval(look, EVERY_MS);
    look();
  }

  pm.devices = { start, look };
})(window.powermon);
