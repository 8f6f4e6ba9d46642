// The speed lamp: how long a reading takes from its measurement until this chart shows it. Measured here, never estimated.
(function (pm) {
  "use strict";

  const KEPT = 300;
  const MOST_PER_DRAW = 50;
  const EVERY_MS = 1000;
  const WARM_DRAWS = 12; // the first drawings set the page up: they say nothing about those to come
  const times = []; // ms, the newest last
  let shownMs = null; // the newest reading drawn so far
  let device = null;
  let saidMs = -EVERY_MS;
  let draws = 0;

  // After a drawing of the live window: every reading in it that was not there before has just come on screen.
  function drawn(data) {
    const last = data.t.length ? data.t[data.t.length - 1] : null;
    const before = shownMs;
    const same = device === pm.live.device();
    device = pm.live.device();
    if (!same) forget();
    shownMs = last;
    draws += 1;
    if (draws <= WARM_DRAWS || before === null || last === null || data.bucketMs) return;
    const fresh = data.t.slice(Math.max(pm.lowerBound(data.t, before + 0.001), data.t.length - MOST_PER_DRAW));
    if (fresh.length) window.requestAnimationFrame(() => window.setTimeout(() => note(fresh), 0));
  }

  function note(fresh) {
    const nowMs = pm.live.now();
    for (const t of fresh) times.push(nowMs - t);
    if (times.length > KEPT) times.splice(0, times.length - KEPT);
    if (performance.now() - saidMs >= EVERY_MS) say();
  }

  function say() {
    saidMs = performance.now();
    const sorted = times.slice().sort((x, y) => x - y);
    const at = (share) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]);
    const [p50, p95] = [at(0.5), at(0.95)];
    pm.setText("fact-speed", pm.text("fact.speed.value", { p50: pm.units.number(p50, 0), p95: pm.units.number(p95, 0) }));
    pm.setAttribute("fact-speed", "data-p50", p50);
    pm.setAttribute("fact-speed", "data-p95", p95);
    pm.setAttribute("fact-speed", "data-count", sorted.length);
  }

  // While the tab was hidden nothing was drawn: what comes then was not slow.
  function forget() {
    shownMs = null;
    draws = 0;
    times.length = 0;
  }

  pm.speed = { drawn, forget };
})(window.powermon);
