// Moments and durations, in the reader's zone or in UTC.
(function (pm) {
  "use strict";

  const cache = new Map();

  function format(key, options) {
    const zone = pm.prefs.get("zone") === "utc" ? "UTC" : undefined;
    const name = `${key}|${zone}|${pm.prefs.language()}`;
    if (!cache.has(name)) {
      cache.set(name, new Intl.DateTimeFormat(pm.prefs.language(), Object.assign({ timeZone: zone, hourCycle: "h23" }, options)));
    }
    return cache.get(name);
  }

  const HMS = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const DAY = { month: "2-digit", day: "2-digit" };

  function clock(ms) {
    return format("clock", HMS).format(ms);
  }

  function zoneName(ms) {
    const part = format("zone", { timeZoneName: "short" }).formatToParts(ms).find((piece) => piece.type === "timeZoneName");
    return part ? part.value : "UTC";
  }

  function millis(ms) {
    return clock(ms) + "." + String(Math.floor(((ms % 1000) + 1000) % 1000)).padStart(3, "0");
  }

  function day(ms) {
    return format("day", DAY).format(ms);
  }

  // Time with milliseconds; the day before it when it is not today.
  function moment(ms) {
    return day(ms) === day(Date.now()) ? millis(ms) : `${day(ms)} ${millis(ms)}`;
  }

  // Minutes by which the zone is ahead of UTC at that moment.
  function offsetMs(ms) {
    return pm.prefs.get("zone") === "utc" ? 0 : -new Date(ms).getTimezoneOffset() * 60000;
  }

  function twoParts(amount, large, small) {
    const rest = Math.round((amount % 1) * 60);
    const whole = Math.floor(amount) + (rest === 60 ? 1 : 0);
    const words = pm.text(large, { n: whole });
    return rest % 60 ? `${words} ${pm.text(small, { n: String(rest).padStart(2, "0") })}` : words;
  }

  function duration(seconds) {
    const n = pm.units.number;
    if (!Number.isFinite(seconds)) return pm.units.NONE;
    if (seconds < 1) return pm.text("time.ms", { n: n(seconds * 1000, 0) });
    if (seconds < 60) return pm.text("time.s", { n: n(seconds, Number.isInteger(seconds) ? 0 : seconds < 10 ? 2 : 1) });
    if (seconds < 3600) return twoParts(seconds / 60, "time.min", "time.s");
    return twoParts(seconds / 3600, "time.h", "time.min");
  }

  pm.times = { clock, zoneName, millis, day, moment, offsetMs, duration };
})(window.powermon);
