// Words: every element with a data-t… attribute is written in the chosen language, also those that appear later.
(function (pm) {
  "use strict";

  const ATTRIBUTES = { title: "title", tip: "data-tip", label: "aria-label", placeholder: "placeholder" };
  let dictionaries = { en: {} };

  function text(key, values) {
    const words = dictionaries[pm.prefs.language()] || dictionaries.en;
    const pattern = words[key] === undefined ? key : words[key];
    return values ? pattern.replace(/\{(\w+)\}/g, (_, name) => String(values[name])) : pattern;
  }

  // Sets an element's words for good: a change of language finds them again.
  function put(target, key) {
    const element = typeof target === "string" ? pm.byId(target) : target;
    if (!element) return;
    pm.setAttribute(element, "data-t", key);
    pm.setText(element, text(key));
  }

  function putAttribute(target, name, key) {
    const element = typeof target === "string" ? pm.byId(target) : target;
    if (!element) return;
    pm.setAttribute(element, "data-t-" + name, key);
    pm.setAttribute(element, ATTRIBUTES[name], text(key));
  }

  function translate(root) {
    for (const element of root.querySelectorAll("[data-t]")) pm.setText(element, text(element.dataset.t));
    for (const [name, attribute] of Object.entries(ATTRIBUTES)) {
      for (const element of root.querySelectorAll(`[data-t-${name}]`)) {
        pm.setAttribute(element, attribute, text(element.getAttribute("data-t-" + name)));
      }
    }
    for (const label of root.querySelectorAll("[data-placeholder-of]")) {
      pm.setAttribute(label.querySelector("input"), "placeholder", text(label.dataset.placeholderOf));
    }
    writeTimes(root);
  }

  function writeTimes(root) {
    for (const element of root.querySelectorAll("[data-ms]")) {
      const ms = Number(element.dataset.ms);
      pm.setText(element, pm.times.moment(ms));
      pm.setAttribute(element, "datetime", new Date(ms).toISOString());
    }
  }

  // What the server sends later (lists, facts) is translated as it arrives.
  function watch(ids) {
    const observer = new MutationObserver((records) => {
      for (const record of records) translate(record.type === "attributes" ? record.target.parentNode : record.target);
    });
    for (const id of ids) {
      const element = pm.byId(id);
      if (element) observer.observe(element, { childList: true, subtree: true, attributeFilter: ["data-ms", "data-t"] });
    }
  }

  function applyLanguage() {
    document.documentElement.lang = pm.prefs.language();
    translate(document);
    const button = pm.byId("language-button");
    const other = pm.prefs.language() === "ko" ? "en" : "ko";
    pm.setText(button, other === "ko" ? "한국어" : "English");
    pm.setAttribute(button, "lang", other);
  }

  function start(texts) {
    dictionaries = texts;
    pm.prefs.onChange("language", applyLanguage);
    pm.prefs.onChange("zone", () => writeTimes(document));
    pm.on("language-button", "click", () => pm.prefs.set("language", pm.prefs.language() === "ko" ? "en" : "ko"));
    applyLanguage();
    watch(["event-list", "rejected-list", "storage-facts", "port-list"]);
  }

  pm.text = text;
  pm.texts = { start, put, putAttribute, translate };
})(window.powermon);
