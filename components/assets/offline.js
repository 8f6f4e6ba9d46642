// The program does not answer: Python cannot say so itself. Dash asks by fetch; the first answer that does not come shows
// the banner (panels/alerts.py has its words), the first that comes hides it. The clock is set going again, for Dash
// leaves it stopped after a call that failed.
(function () {
  "use strict";

  const plainFetch = window.fetch;
  const AGAIN_MS = 2000;

  function show(offline) {
    const banner = document.getElementById("offline");
    if (banner && banner.hidden === offline) banner.hidden = !offline;
  }

  function again() {
    window.dash_clientside.set_props("tick", { disabled: false });
  }

  window.fetch = function (resource, options) {
    const asked = plainFetch.call(window, resource, options);
    if (String(resource.url || resource).includes("_dash-update-component")) {
      asked.then(
        (answer) => {
          show(answer.status >= 502);
          if (answer.status === 401) window.location.reload(); // the session has ended: the page that asks for the token
          if (!answer.ok) window.setTimeout(again, AGAIN_MS);
        },
        (error) => {
          if (error.name === "AbortError") return;
          show(true);
          window.setTimeout(again, AGAIN_MS);
        },
      );
    }
    return asked;
  };
})();
