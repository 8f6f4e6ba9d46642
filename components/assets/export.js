// The export: what, how, how large and how long before it starts; progress and cancel while it runs.
(function (pm) {
  "use strict";

  const IN_MEMORY_BYTES = 200e6; // beyond it the browser's own download takes over, straight to disk
  let controller = null;
  let estimate = null;
  let asking = null;

  const choice = (name) => pm.byId("export-" + name).value;

  function span() {
    const scope = choice("scope");
    if (scope === "all") return { t0: 0, t1: pm.live.now() };
    return pm.selection.span(scope) || pm.selection.span("window");
  }

  function address() {
    const { t0, t1 } = span();
    const csv = choice("format") === "csv";
    const local = Intl.DateTimeFormat().resolvedOptions().timeZone;
    return pm.api.path("/api/history", {
      device: pm.view.device(),
      from: t0 / 1000,
      to: t1 / 1000,
      format: choice("format"),
      delimiter: csv ? choice("delimiter") : null,
      decimal: csv ? choice("decimal") : null,
      zone: csv ? (choice("zone") === "utc" ? "UTC" : local) : null,
      header_units: csv ? choice("header") === "units" : null,
    });
  }

  // A comma cannot part columns and decimals at once.
  function agree() {
    if (choice("decimal") === "comma" && choice("delimiter") === "comma") pm.byId("export-delimiter").value = "semicolon";
    for (const field of document.querySelectorAll(".csv-only")) pm.show(field, choice("format") === "csv");
    const chosen = pm.byId("export-scope").querySelector('[value="selection"]');
    chosen.disabled = !pm.selection.get();
    if (chosen.disabled && choice("scope") === "selection") pm.byId("export-scope").value = "window";
  }

  async function ask() {
    agree();
    if (asking) asking.abort();
    asking = new AbortController();
    const mine = asking;
    const { t0, t1 } = span();
    try {
      const asked = { device: pm.view.device(), from: t0 / 1000, to: t1 / 1000, format: choice("format") };
      estimate = await pm.api.get("/api/export/estimate", asked, mine.signal);
      if (mine === asking) showEstimate();
    } catch (error) {
      if (mine !== asking) return;
      estimate = null;
      pm.setText("export-estimate", pm.phrase(error.message));
    }
  }

  function size(bytes) {
    const steps = ["bytes", "kB", "MB", "GB"];
    let i = 0;
    let amount = bytes;
    while (amount >= 1000 && i < steps.length - 1) {
      amount /= 1000;
      i += 1;
    }
    return `${pm.units.number(amount, i && amount < 100 ? 1 : 0)} ${steps[i]}`;
  }

  function showEstimate() {
    const words = { rows: pm.units.number(estimate.rows, 0), size: size(estimate.bytes), time: pm.times.duration(Math.max(1, Math.ceil(estimate.seconds))) };
    pm.setNumber("export-estimate", pm.text("export.estimate", words), estimate.rows);
    pm.byId("export-start").disabled = estimate.rows === 0;
    const snapshot = pm.live.snapshot();
    pm.setText("export-note", snapshot && snapshot.replay ? pm.text("export.replay") : snapshot && snapshot.demo ? pm.text("export.demo") : "");
  }

  async function run() {
    const link = address();
    if (estimate && estimate.bytes > IN_MEMORY_BYTES) {
      save(link, "");
      pm.setText("export-note", pm.text("export.browser"));
      return;
    }
    controller = new AbortController();
    working(true);
    try {
      const { blob, name } = await fetchAll(link, controller.signal);
      const url = URL.createObjectURL(blob);
      save(url, name);
      window.setTimeout(() => URL.revokeObjectURL(url), 60000);
      pm.setText("export-note", pm.text("export.done", { size: size(blob.size), name }));
    } catch (error) {
      pm.setText("export-note", controller.signal.aborted ? pm.text("export.cancelled") : pm.text("export.failed", { message: pm.phrase(error.message) }));
    } finally {
      working(false);
      controller = null;
    }
  }

  async function fetchAll(link, signal) {
    const response = await fetch(link, { signal, credentials: "same-origin" });
    if (!response.ok) throw new Error((await response.json()).error.message);
    const reader = response.body.getReader();
    const chunks = [];
    let bytes = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      bytes += value.length;
      progress(bytes);
    }
    const disposition = response.headers.get("Content-Disposition") || "";
    const name = (/filename="([^"]+)"/.exec(disposition) || [])[1] || `powermon.${choice("format")}`;
    return { blob: new Blob(chunks, { type: response.headers.get("Content-Type") || "" }), name };
  }

  function progress(bytes) {
    const share = estimate && estimate.bytes ? Math.min(99, (bytes / estimate.bytes) * 100) : 0;
    pm.byId("export-progress").value = share;
    pm.setText("export-note", pm.text("export.progress", { size: size(bytes) }));
  }

  function save(url, name) {
    const link = pm.element("a", { href: url, download: name });
    document.body.append(link);
    link.click();
    link.remove();
  }

  function working(now) {
    pm.show("export-progress", now);
    pm.byId("export-start").disabled = now;
    pm.texts.put(pm.byId("export-cancel").firstElementChild, now ? "export.cancel" : "export.close");
  }

  function cancel() {
    if (controller) controller.abort();
    else pm.byId("export-dialog").close();
  }

  function open(scope) {
    pm.byId("export-scope").value = scope;
    pm.setText("export-note", "");
    pm.byId("export-dialog").showModal();
    ask();
  }

  function start() {
    pm.on("export-button", "click", () => open(pm.selection.get() ? "selection" : "window"));
    for (const button of document.querySelectorAll("[data-export]")) button.addEventListener("click", () => open(button.dataset.export));
    for (const name of ["scope", "format", "delimiter", "decimal", "zone", "header"]) pm.on("export-" + name, "change", ask);
    pm.on("export-start", "click", run);
    pm.on("export-cancel", "click", cancel);
    pm.byId("export-dialog").addEventListener("cancel", () => controller && controller.abort());
  }

  pm.exporting = { start };
})(window.powermon);
