// The status strip and the banners: how the link stands, in words that a screen reader hears once per change.
(function (pm) {
  "use strict";

  let spoken = "";

  function say(key) {
    if (key === spoken) return;
    spoken = key;
    pm.texts.put("announcer", "say." + key);
  }

  // Where the numbers come from. The simulated board may replay a recording: that says more than that it is simulated.
  function sourceOf(snapshot) {
    return snapshot.replay ? "replay" : snapshot.demo ? "demo" : "live";
  }

  function stateOf(snapshot) {
    if (snapshot.state === "live") return sourceOf(snapshot);
    if (snapshot.state === "stale" || snapshot.state === "waiting") return snapshot.state;
    return "reconnecting";
  }

  function setState(name, detail) {
    pm.setAttribute("state", "data-state", name);
    const word = pm.byId("state-word");
    pm.setAttribute(word, "data-state", name);
    pm.texts.put(word.firstElementChild || word, "state." + name);
    pm.setText("state-detail", detail || "");
    pm.setAttribute(document.documentElement, "data-link", name);
    say(name);
  }

  function detailOf(name, snapshot, nowMs) {
    if (name === "stale" && snapshot.last !== null) {
      return pm.text("time.s", { n: pm.units.number((nowMs - snapshot.last.time) / 1000, 1) });
    }
    if (name === "waiting") return pm.text("state.silent");
    if (name === "reconnecting" && snapshot.next_try_s !== null) return pm.text("state.in", { s: Math.ceil(snapshot.next_try_s) });
    return "";
  }

  function show(snapshot, nowMs) {
    const name = stateOf(snapshot);
    setState(name, detailOf(name, snapshot, nowMs));
    pm.show("program-banner", false);
    showLink(snapshot, name);
    showFigures(snapshot);
    pm.show("demo-panel", snapshot.demo);
    pm.show("keep-demo", snapshot.demo);
    showSource(sourceOf(snapshot));
    pm.setText("device-name", snapshot.device);
    pm.setText("port-name", snapshot.url);
    showClock();
  }

  function showSource(source) {
    pm.show("demo-banner", source !== "live" && !pm.prefs.get("keepDemo"));
    pm.setAttribute(document.documentElement, "data-source", source === "live" ? "board" : source);
    pm.setText("source-mark", source === "live" ? "" : pm.text("chart." + source));
    if (source !== "live") pm.texts.put("demo-banner-text", "banner." + source);
  }

  function showLink(snapshot, name) {
    const wrong = name === "reconnecting" || (snapshot.problem && name !== "live");
    pm.show("link-banner", Boolean(wrong || snapshot.problem));
    if (!wrong && !snapshot.problem) return;
    pm.setText("link-banner-text", snapshot.problem ? pm.phrase(snapshot.problem) : pm.text("banner.link.unknown"));
    const trying = snapshot.next_try_s === null || snapshot.next_try_s <= 0;
    const next = trying ? pm.text("banner.trying") : pm.text("banner.next", { s: Math.ceil(snapshot.next_try_s) });
    pm.setText("link-countdown", name === "reconnecting" ? next : "");
  }

  function showFigures(snapshot) {
    const { number, percent } = pm.units;
    const rate = snapshot.rate_hz;
    pm.setNumber("rate", number(rate, rate >= 100 ? 0 : 1), rate);
    const known = snapshot.tracked || snapshot.level === null;
    pm.setNumber("completeness", known ? percent(snapshot.completeness) : pm.units.NONE, known ? snapshot.completeness : null);
    pm.setNumber("strip-recovered", pm.text("strip.recovered", { n: number(snapshot.counts.recovered, 0) }), snapshot.counts.recovered);
    pm.setNumber("strip-lost", pm.text("strip.lost", { n: number(snapshot.counts.lost, 0) }), snapshot.counts.lost);
    pm.show("strip-recovered", snapshot.counts.recovered > 0);
    pm.show("strip-lost", snapshot.counts.lost > 0);
    pm.setNumber("wire-level", snapshot.level === null ? pm.units.NONE : String(snapshot.level), snapshot.level);
    const level = snapshot.level === null ? "none" : !snapshot.tracked ? "untracked" : String(snapshot.level);
    pm.texts.putAttribute("wire-level-tip", "tip", "tip.level." + level);
    const active = Object.values(snapshot.levels).filter((value) => value !== "normal").length;
    pm.setNumber("alert-count", pm.text("strip.alerts", { n: active }), active);
    pm.show("strip-alerts", active > 0);
  }

  function showClock() {
    const ms = pm.live.now();
    pm.setText("clock", `${pm.times.clock(ms)} ${pm.times.zoneName(ms)}`);
  }

  function offline(waitS) {
    setState("offline", pm.text("state.in", { s: waitS }));
    pm.show("program-banner", true);
    pm.setText("program-banner-text", waitS > 0 ? pm.text("banner.offline", { s: waitS }) : pm.text("banner.offline.now"));
  }

  function refused(error, asked) {
    const unknown = error.code === "unknown_device";
    setState(unknown ? (asked ? "history" : "noboard") : "offline", "");
    pm.show("link-banner", false);
    pm.show("demo-banner", false);
    pm.show("program-banner", !unknown);
    if (asked) pm.setText("device-name", asked);
    pm.setText("program-banner-text", error.status === 401 ? pm.text("banner.token") : pm.text("banner.answer", { message: pm.phrase(error.message) }));
    showClock();
  }

  function cycle(name, order) {
    pm.prefs.set(name, order[(order.indexOf(pm.prefs.get(name)) + 1) % order.length]);
  }

  function showTheme() {
    const theme = pm.prefs.get("theme");
    pm.byId("theme-icon").className = `icon icon-${theme}`;
    pm.texts.putAttribute("theme-button", "title", "choice.theme." + theme);
    pm.texts.putAttribute("theme-button", "label", "choice.theme." + theme);
  }

  function start() {
    pm.on("theme-button", "click", () => cycle("theme", ["system", "light", "dark"]));
    pm.on("zone-button", "click", () => cycle("zone", ["local", "utc", "ago"]));
    pm.on("keep-demo", "click", () => pm.prefs.set("keepDemo", true));
    pm.prefs.onChange("theme", showTheme);
    pm.prefs.onChange("zone", showClock);
    showTheme();
  }

  pm.status = { start, show, offline, refused, say };
})(window.powermon);
