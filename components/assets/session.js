// The end of a session. The cookie is not readable by scripts and is ended by the program's answer, which a callback's
// answer cannot be; afterwards the page is loaded again, which is the page that asks for the token. The same when another
// tab, or a new token, ended the session: what stands here would never change again.
(function () {
  "use strict";

  function logOut(clicks) {
    if (clicks) {
      fetch("/api/logout", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }).then(
        (answer) => (answer.ok || answer.status === 401) && window.location.reload(),
        () => (document.getElementById("log-out-failed").hidden = false),
      );
    }
    return window.dash_clientside.no_update;
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.powermon = Object.assign(window.dash_clientside.powermon || {}, { logOut });
})();
