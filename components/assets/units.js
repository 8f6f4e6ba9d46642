// Numbers as people read them: one SI prefix per channel with hysteresis, fixed digits, a real minus sign.
(function (pm) {
  "use strict";

  const UNITS = { v: "V", a: "A", w: "W" };
  const PREFIXES = { "-6": "\u00b5", "-3": "m", 0: "", 3: "k" };
  const STAY = 0.8; // a prefix is left downwards only when the maximum is clearly below 1 of it
  // Decimals in V, A, W: at least what a sensor of this kind resolves, at most what means anything.
  const DECIMALS = { v: { min: 2, max: 3 }, a: { min: 3, max: 4 }, w: { min: 2, max: 3 } };
  const NONE = "\u2013";

  const channels = {};
  for (const channel of Object.keys(UNITS)) channels[channel] = { exponent: null, decimals: DECIMALS[channel].min, peaks: {} };

  function exponentFor(peak, current) {
    if (!(peak > 0)) return current === null ? 0 : current;
    let exponent = current === null ? 0 : current;
    while (exponent > -6 && peak / 10 ** exponent < (current === null ? 1 : STAY)) exponent -= 3;
    while (exponent < 3 && peak / 10 ** exponent >= 1000) exponent += 3;
    // Upwards at once: 1.00 A reads better than 1000 mA.
    while (exponent < 3 && exponent < 0 && peak / 10 ** (exponent + 3) >= 1) exponent += 3;
    return exponent;
  }

  // `source` (cards, chart) saw values up to `peak`; the larger one decides. Nanoampere noise stays in microampere.
  function observe(channel, source, peak) {
    const state = channels[channel];
    state.peaks[source] = Math.abs(peak) || 0;
    state.exponent = exponentFor(Math.max(...Object.values(state.peaks)), state.exponent);
  }

  // Learns how many decimals the board sends, within what is sensible.
  function learnDecimals(channel, value) {
    const state = channels[channel];
    const point = String(Math.round(value * 1e6) / 1e6).split(".")[1];
    const seen = point && !point.includes("e") ? point.length : 0;
    if (seen > state.decimals) state.decimals = Math.min(seen, DECIMALS[channel].max);
  }

  function exponent(channel) {
    return channels[channel].exponent || 0;
  }

  function scale(channel) {
    return 10 ** -exponent(channel);
  }

  function unit(channel) {
    return PREFIXES[exponent(channel)] + UNITS[channel];
  }

  function digits(channel) {
    return Math.max(0, channels[channel].decimals + exponent(channel));
  }

  function number(value, fixed) {
    if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
    const text = Math.abs(value).toFixed(fixed);
    const [whole, part] = text.split(".");
    const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") : whole;
    const sign = value < 0 && Number(text) !== 0 ? "\u2212" : "";
    return sign + (part ? grouped + "." + part : grouped);
  }

  function value(channel, reading) {
    if (reading === null || reading === undefined) return NONE;
    return number(reading * scale(channel), digits(channel));
  }

  function withUnit(channel, reading) {
    return `${value(channel, reading)} ${unit(channel)}`;
  }

  // Four significant digits, never more than four decimals: sums grow slowly and must not jump about.
  function sum(amount) {
    if (amount === null || amount === undefined) return NONE;
    const size = Math.abs(amount);
    return number(amount, size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3);
  }

  function energy(wh) {
    return wh !== null && Math.abs(wh) < 1 ? { text: sum(wh * 1000), unit: "mWh" } : { text: sum(wh), unit: "Wh" };
  }

  // Rounded down: 99.999 % is not 100 %.
  function percent(share) {
    if (share === null || share === undefined) return NONE;
    return share >= 1 ? "100 %" : number(Math.floor(share * 1e4) / 100, 2) + " %";
  }

  pm.units = { observe, learnDecimals, exponent, scale, unit, digits, number, value, withUnit, sum, energy, percent, NONE };
})(window.powermon);
