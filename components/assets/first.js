// Theme and language before the first paint: Python's answer would come after it, and the page would flash white.
(function () {
  "use strict";
  let view = {};
  try {
    view = JSON.parse(window.localStorage.getItem("view")) || {};
  } catch (error) {
    // a browser without storage, or a store of another version: the system's theme
  }
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  const chosen = view.theme_choice === "light" || view.theme_choice === "dark" ? view.theme_choice : dark ? "dark" : "light";
  document.documentElement.setAttribute("data-bs-theme", chosen);
})();
