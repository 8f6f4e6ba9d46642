// Connection, sensor and the account by cause.
(function (pm) {
  "use strict";

  const COUNTS = ["received", "recovered", "late", "missing", "lost", "duplicates", "corrupt", "bad_lines", "rejected"];
  const EVERY_MS = 250; // these need not be faster than one can read
  let lastMs = -EVERY_MS;

  function show(snapshot, nowMs) {
    if (performance.now() - lastMs < EVERY_MS) return;
    lastMs = performance.now();
    showFacts(snapshot, nowMs);
    for (const name of COUNTS) showCount(name, snapshot.counts[name]);
    showReasons(snapshot.counts.reasons);
  }

  function showCount(name, count) {
    const element = pm.byId("count-" + name);
    pm.setNumber(element, pm.units.number(count, 0), count);
    pm.setAttribute(element.parentElement, "data-some", count > 0);
  }

  function fact(name, text) {
    pm.setText("fact-" + name, text === null || text === undefined || text === "" ? pm.text("fact.unknown") : text);
  }

  function showFacts(s, nowMs) {
    const { number } = pm.units;
    const boot = s.boot === null ? "" : pm.text("fact.boot", { n: s.boot });
    fact("link", pm.text("link." + s.state));
    fact("since", pm.times.moment(s.state_since).slice(0, -4));
    fact("last", s.last === null ? "" : pm.text("fact.ago", { s: number(Math.max(0, nowMs - s.last.time) / 1000, 1) }));
    fact("sensor", s.sensor === "ok" ? pm.text("fact.sensor.ok") : s.sensor);
    pm.setAttribute("fact-sensor", "data-ok", s.sensor === "ok" || s.sensor === "");
    fact("board", [s.board_id, boot].filter(Boolean).join(" · "));
    fact("firmware", s.firmware);
    fact("port", s.url);
    fact("level", s.level === null ? "" : String(s.level));
    fact("interval", s.interval_ms === null ? "" : `${number(s.interval_ms, s.interval_ms < 10 ? 1 : 0)} ms`);
    fact("buffer", s.buffer === null ? "" : pm.text("fact.readings", { n: number(s.buffer, 0) }));
    fact("clock", s.clock.drift_ppm === null ? "" : pm.text("fact.drift", { ppm: number(s.clock.drift_ppm, 1), ms: number(s.clock.jitter_ms, 1) }));
    fact("residual", s.residual_w === null ? "" : `${number(s.residual_w * 1000, 1)} mW`);
  }

  function showReasons(reasons) {
    const list = pm.byId("reasons");
    const names = Object.keys(reasons).sort();
    const key = JSON.stringify([reasons, pm.prefs.language()]);
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    list.replaceChildren(...names.map((name) => reason(name, reasons[name])));
  }

  function reason(name, count) {
    const number = pm.element("span", { class: "number", id: "reason-" + name, "data-value": count });
    number.textContent = pm.units.number(count, 0);
    const item = pm.element("li", { "data-reason": name });
    item.append(pm.text("reason." + name), number);
    return item;
  }

  function clear() {
    for (const element of document.querySelectorAll("#connection-panel dd .number")) pm.setText(element, pm.units.NONE);
    for (const name of COUNTS) pm.setNumber("count-" + name, pm.units.NONE, null);
    showReasons({});
  }

  pm.connection = { show, clear };
})(window.powermon);
