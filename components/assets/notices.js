// Notifications of the browser: only it can ask for the permission (after a click) and show them, also of a hidden tab.
(function () {
  "use strict";

  const TOLD = "powermon-told";
  const KEPT = 100;
  const known = "Notification" in window;

  async function allowNotices(clicks) {
    if (!known) return "notify-denied";
    const answer = clicks ? await window.Notification.requestPermission() : window.Notification.permission;
    return "notify-" + answer;
  }

  // True for one of all tabs, and once: the newest episode of a notice is remembered, also when a tab is loaded again.
  function first(kind, one) {
    const told = JSON.parse(window.localStorage.getItem(TOLD) || "[]");
    const key = kind + one.episodes[one.episodes.length - 1];
    if (told.includes(key)) return false;
    window.localStorage.setItem(TOLD, JSON.stringify([...told, key].slice(-KEPT)));
    return true;
  }

  function notify(data) {
    if (!data) return;
    const powermon = window.dash_clientside.powermon;
    const loud = data.news.filter((one) => one.sound && powermon.canSound() && first("sound ", one));
    if (loud.length) powermon.sound(loud.some((one) => one.severity === "danger") ? "danger" : "warning");
    if (!known || window.Notification.permission !== "granted") return;
    for (const one of data.news.filter((each) => each.notify && first("notice ", each))) {
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
