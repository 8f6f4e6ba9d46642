// Axes: value ranges that grow at once and shrink late, and ticks of time at round moments of the reader's zone.
(function (pm) {
  "use strict";

  const LEAST = { v: 0.02, a: 0.002, w: 0.01 }; // V, A, W over the whole axis: finer is the sensor's noise
  const PAD = 0.06;
  const MS = [1, 2, 5, 10, 20, 50, 100, 200, 500];
  const SECONDS = [1, 2, 5, 10, 15, 30];
  const STEPS = [
    ...MS,
    ...SECONDS.map((n) => n * 1000),
    ...[1, 2, 5, 10, 15, 30].map((n) => n * 60000),
    ...[1, 2, 3, 6, 12, 24, 48, 168].map((n) => n * 3600000),
  ];
  const ranges = {};

  function nice(span) {
    const power = 10 ** Math.floor(Math.log10(span));
    const part = span / power;
    return (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10) * power;
  }

  // Room around the data, out to round numbers so that the axis rests.
  function around(low, high, least) {
    const span = Math.max(high - low, least);
    const middle = (high + low) / 2;
    const step = nice(span / 5);
    const bottom = Math.floor((middle - span * (0.5 + PAD)) / step) * step;
    const top = Math.ceil((middle + span * (0.5 + PAD)) / step) * step;
    return [bottom, top];
  }

  // The axis of a channel for data from `low` to `high`; `context` names what is looked at: another one starts afresh.
  function valueRange(channel, extremes, context) {
    const known = ranges[channel] && ranges[channel].context === context ? ranges[channel].range : null;
    const held = ranges[channel] && pm.scale.locked();
    if (held) return ranges[channel].range;
    if (!extremes) return known;
    let [low, high] = extremes;
    if (pm.prefs.get("zero")) [low, high] = [Math.min(0, low), Math.max(0, high)];
    const inside = known && low >= known[0] && high <= known[1];
    const small = known && Math.max(high - low, LEAST[channel]) < (known[1] - known[0]) / 2;
    const wanted = inside && !small ? known : around(low, high, LEAST[channel]);
    // A power or a current that never was negative needs no negative axis.
    const range = low >= 0 && wanted[0] < 0 ? [0, wanted[1]] : wanted;
    ranges[channel] = { context, range };
    return range;
  }

  // Round values between `low` and `high` (already in the shown prefix), all written with the same digits.
  function valueTicks(low, high, height) {
    const every = nice((high - low) / Math.max(2, Math.min(8, Math.floor(height / 30))));
    const digits = Math.max(0, -Math.floor(Math.log10(every) + 1e-9));
    const values = [];
    for (let i = Math.ceil(low / every - 1e-6); i * every <= high + every * 1e-6; i++) values.push(i * every);
    return { values, texts: values.map((value) => pm.units.number(value, digits)) };
  }

  function step(spanMs, width) {
    const most = Math.max(2, Math.floor(width / 105));
    return STEPS.find((candidate) => spanMs / candidate <= most) || STEPS[STEPS.length - 1];
  }

  function timeTicks(t0, t1, width) {
    const every = step(t1 - t0, width);
    if (pm.prefs.get("zone") === "ago") return agoTicks(t0, t1, every);
    const offset = pm.times.offsetMs(t1);
    const values = [];
    const texts = [];
    for (let t = Math.ceil((t0 + offset) / every) * every - offset; t <= t1; t += every) {
      values.push(t);
      texts.push(tickText(t, every, offset));
    }
    return { values, texts };
  }

  // Ticks at round distances from now: they stand still while a live curve moves under them.
  function agoTicks(t0, t1, every) {
    const now = pm.live.now();
    const values = [];
    const texts = [];
    for (let i = Math.ceil((now - t1) / every - 1e-6); now - i * every >= t0; i++) {
      values.push(now - i * every);
      texts.push(i <= 0 ? pm.text("chart.now") : "\u2212" + pm.times.duration((i * every) / 1000));
    }
    return { values, texts };
  }

  function tickText(t, every, offset) {
    if (every < 1000) return pm.times.millis(t);
    if ((t + offset) % 86400000 === 0 && every >= 60000) return `<b>${pm.times.day(t)}</b>`;
    return every < 60000 ? pm.times.clock(t) : pm.times.clock(t).slice(0, 5);
  }

  let locked = false;

  pm.scale = {
    valueRange,
    valueTicks,
    timeTicks,
    forget: () => Object.keys(ranges).forEach((channel) => delete ranges[channel]),
    locked: () => locked,
    setLocked: (value) => {
      locked = value;
    },
  };
})(window.powermon);
