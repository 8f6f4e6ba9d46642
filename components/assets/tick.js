// The live pull: what is new since our cursor. One question at a time; none while the tab is hidden.
(function (pm) {
  "use strict";

  const RETRY_S = [1, 2, 5]; // then 5 for ever
  const QUIET_RETRY_S = 2; // the program answers, but there is nothing live to show

  const state = {
    started: false,
    asking: false,
    cursor: null,
    seen: null, // the server leaves out what has not changed since
    question: "",
    failures: 0,
    nextTryMs: 0,
    data: null,
    device: null,
    snapshot: null,
    nowMs: 0,
    nowAt: 0,
  };

  // The server's clock, carried on by ours between ticks.
  function now() {
    return state.nowMs ? state.nowMs + (performance.now() - state.nowAt) : Date.now();
  }

  async function tick() {
    if (!state.started || state.asking || document.hidden) return;
    const waitMs = state.nextTryMs - performance.now();
    if (waitMs > 0) {
      if (state.failures) pm.status.offline(Math.ceil(waitMs / 1000));
      return;
    }
    state.asking = true;
    const askedMs = performance.now();
    try {
      take(await ask(), askedMs);
      state.failures = 0;
      state.nextTryMs = 0;
    } catch (error) {
      failed(error);
    } finally {
      state.asking = false;
    }
  }

  function ask() {
    const wanted = { device: pm.view.device(), span_s: pm.view.liveSpanS(), points: pm.view.points() };
    const question = JSON.stringify(wanted);
    if (question !== state.question) state.cursor = null;
    if (state.cursor === null) state.seen = null;
    state.question = question;
    return pm.api.get("/api/live", Object.assign({ cursor: state.cursor, seen: state.seen }, wanted));
  }

  // The answer is as old as the question at most: with this `now` is never behind the server's clock.
  function take(payload, askedMs) {
    if (payload.device !== state.device) state.data = pm.data.empty();
    const first = !state.snapshot;
    state.device = payload.device;
    pm.view.pin(payload.device);
    state.cursor = payload.cursor;
    state.seen = payload.seen;
    state.nowMs = payload.now;
    state.nowAt = askedMs;
    state.snapshot = payload.all ? payload.snapshot : pm.data.mergeSnapshot(state.snapshot, payload.snapshot);
    const spanMs = pm.view.liveSpanS() * 1000;
    if (first && !pm.view.isLive()) pm.chart.viewChanged(); // the board's interval is known now
    state.data = pm.data.merge(state.data, payload, payload.now - spanMs * 1.05 - 1000);
    pm.cards.show(state.snapshot);
    pm.status.show(state.snapshot, payload.now);
    pm.connection.show(state.snapshot, payload.now);
    pm.pulse.changed(payload.device, state.snapshot.version);
    pm.chart.tick();
  }

  function failed(error) {
    state.cursor = null;
    if (error.offline) {
      const waitS = RETRY_S[Math.min(state.failures, RETRY_S.length - 1)];
      state.failures += 1;
      state.nextTryMs = performance.now() + waitS * 1000;
      pm.status.offline(waitS);
      return;
    }
    if (!(error instanceof pm.api.Failure)) {
      state.nextTryMs = performance.now() + QUIET_RETRY_S * 1000;
      throw error;
    }
    state.failures = 0;
    state.nextTryMs = performance.now() + QUIET_RETRY_S * 1000;
    state.snapshot = null;
    state.data = pm.data.empty();
    pm.cards.clear();
    pm.connection.clear();
    pm.status.refused(error, pm.view.device());
    if (pm.view.device()) pm.pulse.changed(pm.view.device(), "history");
    pm.chart.tick();
  }

  function start(intervalMs) {
    state.started = true;
    state.data = pm.data.empty();
    window.setInterval(tick, intervalMs);
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      state.cursor = null; // what happened meanwhile comes whole, in one answer
      pm.speed.forget();
      tick();
    });
  }

  pm.live = {
    start,
    tick,
    now,
    data: () => state.data,
    device: () => state.device,
    snapshot: () => state.snapshot,
    answered: () => state.failures === 0,
    restart: () => {
      state.cursor = null;
      state.nextTryMs = 0;
    },
  };
})(window.powermon);
