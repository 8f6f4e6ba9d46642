// One person's choices: kept in this browser, never on the server. The theme is put on before anything is drawn.
(function (pm) {
  "use strict";

  const KEY = "powermon";
  const DEFAULTS = {
    theme: "system",
    language: "",
    zone: "local",
    overlaid: false,
    zero: false,
    pan: false,
    table: false,
    hidden: [],
    keepDemo: false,
  };
  const listeners = {};
  let values = Object.assign({}, DEFAULTS, read());

  function read() {
    try {
      return JSON.parse(window.localStorage.getItem(KEY)) || {};
    } catch (error) {
      return {}; // storage is off or holds something else: choices then last as long as the page
    }
  }

  function get(name) {
    return values[name];
  }

  function set(name, value) {
    values = Object.assign({}, values, { [name]: value });
    try {
      window.localStorage.setItem(KEY, JSON.stringify(values));
    } catch (error) {
      // as above
    }
    for (const listener of listeners[name] || []) listener(value);
  }

  function onChange(name, listener) {
    (listeners[name] = listeners[name] || []).push(listener);
  }

  const systemDark = window.matchMedia("(prefers-color-scheme: dark)");

  function theme() {
    const chosen = values.theme;
    return chosen === "system" ? (systemDark.matches ? "dark" : "light") : chosen;
  }

  function applyTheme() {
    document.documentElement.dataset.theme = theme();
  }

  function language() {
    if (values.language) return values.language;
    return (navigator.language || "en").toLowerCase().startsWith("ko") ? "ko" : "en";
  }

  systemDark.addEventListener("change", () => set("theme", values.theme));
  onChange("theme", applyTheme);
  applyTheme();

  pm.prefs = { get, set, onChange, theme, language };
})(window.powermon);
