// Spans from the database: the newest question wins, the old picture stays until the new one is there.
(function (pm) {
  "use strict";

  const REST_MS = 120; // a wheel or a drag asks when it pauses this long
  const INTERVALS = 3;
  const SETTLE_MS = 2500; // readings younger than this may not be on disk yet
  const state = { data: null, t0: 0, t1: 0, device: null, asked: "", error: null, loading: false, loadedAt: -Infinity };
  let controller = null;
  let timer = 0;
  let again = 0;

  // Asks for [t0, t1] and half as much at each side, so that a small move finds its points already there. At least some
  // intervals of the board: between two readings the line that joins them is to be seen.
  function want(t0, t1, points, delayMs) {
    const side = pm.view.isLive() ? 0 : Math.max((t1 - t0) / 2, INTERVALS * intervalMs());
    const key = `${pm.view.device()}|${Math.round(t0)}|${Math.round(t1)}|${points}|${Math.round(side)}`;
    if (key === state.asked) return;
    state.asked = key;
    window.clearTimeout(timer);
    timer = window.setTimeout(() => load(t0, t1, points, side, key), delayMs === undefined ? REST_MS : delayMs);
  }

  function intervalMs() {
    const snapshot = pm.live.snapshot();
    return (snapshot && snapshot.interval_ms) || 0;
  }

  async function load(t0, t1, points, side, key) {
    if (controller) controller.abort();
    controller = new AbortController();
    const mine = controller;
    const from = Math.max(0, t0 - side);
    const to = t1 + side;
    state.loading = true;
    pm.chart.requestDraw();
    try {
      const asked = { device: pm.view.device(), from: from / 1000, to: to / 1000, points: side ? points * 2 : points };
      const payload = await pm.api.get("/api/curve", asked, mine.signal);
      if (mine !== controller) return;
      Object.assign(state, { data: pm.data.fromPayload(payload), t0: from, t1: to, device: payload.device, error: null });
      state.loadedAt = performance.now();
      settle(t1, key);
    } catch (error) {
      if (mine !== controller) return;
      state.error = error;
      state.asked = "";
    } finally {
      if (mine === controller) {
        state.loading = false;
        pm.chart.requestDraw();
      }
    }
  }

  // The end of a span that reaches to now is asked for once more when it is on disk.
  function settle(t1, key) {
    window.clearTimeout(again);
    if (pm.view.isLive() || pm.live.now() - t1 > SETTLE_MS) return;
    again = window.setTimeout(() => {
      if (state.asked !== key) return;
      state.asked = "";
      pm.chart.viewChanged();
    }, SETTLE_MS);
  }

  function forget() {
    if (controller) controller.abort();
    controller = null;
    Object.assign(state, { data: null, asked: "", error: null, loading: false, loadedAt: -Infinity });
  }

  // A frozen picture of the live window, shown until the database's answer is there.
  function freeze(data, t0, t1) {
    forget();
    Object.assign(state, { data, t0, t1, device: pm.live.device() });
  }

  pm.history = {
    want,
    forget,
    freeze,
    data: () => state.data,
    span: () => [state.t0, state.t1],
    loading: () => state.loading,
    error: () => state.error,
    ageMs: () => performance.now() - state.loadedAt,
  };
})(window.powermon);
