// Notifications of the browser: only it can ask for the permission (after a click) and show them, also of a hidden tab.
(function () {
  "use strict";

  const known = "Notification" in window;

  async function allowNotices(clicks) {
    if (!known) return "notify-denied";
    const answer = clicks ? await window.Notification.requestPermission() : window.Notification.permission;
    return "notify-" + answer;
  }

  function notify(data) {
    if (!data) return;
    const loud = data.news.filter((one) => one.sound);
    if (loud.length) window.dash_clientside.powermon.sound(loud.some((one) => one.severity === "danger") ? "danger" : "warning");
    if (!known || window.Notification.permission !== "granted") return;
    for (const one of data.news.filter((each) => each.notify)) {
      // The same tag takes the place of the one before: a rule that fires again and again makes no heap.
      const shown = new window.Notification(one.title, { body: one.body, tag: one.tag });
      shown.onclick = () => {
        window.focus();
        window.location.assign(one.link);
      };
    }
  }

  // A hidden tab asks for nothing, unless its reader wants to be told.
  function setClock() {
    if (!document.getElementById("page")) return;
    const go = !document.hidden || (known && window.Notification.permission === "granted");
    window.dash_clientside.set_props("news-clock", { max_intervals: go ? -1 : 0 });
  }

  document.addEventListener("visibilitychange", setClock);

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.powermon = Object.assign(window.dash_clientside.powermon || {}, { allowNotices, notify });
})();
