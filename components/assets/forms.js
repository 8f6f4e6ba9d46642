// What changes something: commands to the board, a further port, faults of the demo. All are JSON POSTs.
(function (pm) {
  "use strict";

  const MAX_OUTCOMES = 8;
  const ARGUMENTS = {
    buzzer: () => ({ on_ms: 200, times: 2 }),
    set_time: () => ({ epoch_ms: Math.round(pm.live.now()) }),
  };

  function outcomeLine(name) {
    const word = pm.element("span", { class: "kind" });
    word.textContent = name;
    const what = pm.element("span", { class: "what" });
    what.textContent = pm.text("outcome.sending");
    const line = pm.element("li", { "data-result": "sending" }, [moment(), word, what]);
    const list = pm.byId("command-result");
    list.prepend(line);
    while (list.children.length > MAX_OUTCOMES) list.lastElementChild.remove();
    return line;
  }

  function moment() {
    const element = pm.element("time", { class: "when", "data-ms": pm.live.now() });
    element.textContent = pm.times.moment(pm.live.now());
    return element;
  }

  async function command(name, args) {
    const line = outcomeLine(pm.text("command." + name));
    const device = encodeURIComponent(pm.live.device() || "");
    try {
      const outcome = await pm.api.post(`/api/devices/${device}/commands`, Object.assign({ cmd: name }, args));
      const words = pm.text("outcome." + outcome.result, { ms: pm.units.number(outcome.took_ms, 0), tries: outcome.tries });
      finish(line, outcome.result, outcome.detail ? `${words} · ${pm.phrase(outcome.detail)}` : words);
    } catch (error) {
      finish(line, "refused", `${pm.text("outcome.refused")} · ${pm.phrase(error.message)}`);
    }
  }

  function finish(line, result, words) {
    pm.setAttribute(line, "data-result", result);
    pm.setText(line.lastElementChild, words);
  }

  function sendCommand(button) {
    const name = button.dataset.command;
    if (name === "set_interval") {
      const input = pm.byId("interval-input");
      const value = Number(input.value);
      if (!Number.isInteger(value) || value < 1 || value > 60000) {
        finish(outcomeLine(pm.text("command.set_interval")), "refused", pm.text("board.interval.bad"));
        return;
      }
      command(name, { value_ms: value });
    } else command(name, ARGUMENTS[name] ? ARGUMENTS[name]() : {});
  }

  async function connect(url, name) {
    if (!url.trim()) {
      pm.texts.put("connect-result", "ports.empty");
      return;
    }
    try {
      const { device } = await pm.api.post("/api/connect", { url: url.trim(), name: name.trim() });
      result("connect-result", pm.text("ports.connected", { device }));
      pm.view.setDevice(device);
      pm.devices.look();
    } catch (error) {
      result("connect-result", pm.phrase(error.message));
    }
  }

  function result(id, words) {
    pm.byId(id).removeAttribute("data-t");
    pm.setText(id, words);
  }

  async function fault(button) {
    const lasting = button.hasAttribute("aria-pressed");
    const off = lasting && button.getAttribute("aria-pressed") === "true";
    const name = pm.text("fault." + button.dataset.fault);
    try {
      await pm.api.post("/api/demo/fault", {
        device: pm.live.device(),
        name: button.dataset.fault,
        value: off ? 0 : Number(button.dataset.value),
      });
      if (lasting) pm.setAttribute(button, "aria-pressed", !off);
      result("demo-result", pm.text(!lasting ? "demo.done" : off ? "demo.off" : "demo.on", { fault: name }));
    } catch (error) {
      result("demo-result", pm.text("demo.failed", { message: pm.phrase(error.message) }));
    }
  }

  // Who may only look is not offered what would be refused.
  async function askRole() {
    try {
      const { role } = await pm.api.get("/api/session");
      if (role !== "viewer") return;
      document.documentElement.dataset.role = role;
      for (const button of document.querySelectorAll("[data-command], [data-fault], #connect-button")) button.disabled = true;
      pm.texts.put("connect-result", "role.viewer");
    } catch (error) {
      if (!(error instanceof pm.api.Failure)) throw error; // the tick tells what is wrong
    }
  }

  function start() {
    askRole();
    for (const button of document.querySelectorAll("[data-command]")) button.addEventListener("click", () => sendCommand(button));
    for (const button of document.querySelectorAll("[data-fault]")) button.addEventListener("click", () => fault(button));
    pm.on("connect-button", "click", () => connect(pm.byId("connect-url").value, pm.byId("connect-name").value));
    pm.on("port-list", "click", (event) => {
      const button = event.target.closest("[data-connect-url]");
      if (button) connect(button.dataset.connectUrl, pm.byId("connect-name").value);
    });
  }

  pm.forms = { start };
})(window.powermon);
