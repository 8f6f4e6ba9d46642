// What only the browser knows of its reader (time zone, system theme, width), and what only it can wear (theme, language).
(function () {
  "use strict";

  function reader() {
    return {
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC",
      language: document.getElementById("page").lang,
      dark: window.matchMedia("(prefers-color-scheme: dark)").matches,
      width: window.innerWidth,
    };
  }

  // The layout comes from Python in one language. Another one is another layout: the page is loaded again, at the same view.
  function wear(view) {
    if (!view) return;
    const page = document.getElementById("page");
    document.documentElement.setAttribute("data-bs-theme", view.theme);
    document.documentElement.lang = page.lang;
    if (view.language !== page.lang) {
      document.cookie = "powermon_language=" + view.language + "; path=/; max-age=31536000; samesite=lax";
      window.setTimeout(() => window.location.reload(), 50); // the store writes itself first
    }
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.powermon = Object.assign(window.dash_clientside.powermon || {}, { reader, wear });
})();
