// The one global of the page's scripts; each file adds its subject. Text from a board only ever goes into textContent.
window.powermon = {};

(function (pm) {
  "use strict";

  pm.byId = (id) => document.getElementById(id);

  // Writes only what changed: an unchanged number costs no layout.
  pm.setText = function (target, text) {
    const element = typeof target === "string" ? pm.byId(target) : target;
    if (element && element.textContent !== text) element.textContent = text;
  };

  pm.setAttribute = function (target, name, value) {
    const element = typeof target === "string" ? pm.byId(target) : target;
    const text = String(value);
    if (element && element.getAttribute(name) !== text) element.setAttribute(name, text);
  };

  pm.show = function (target, visible) {
    const element = typeof target === "string" ? pm.byId(target) : target;
    if (element && element.hidden === visible) element.hidden = !visible;
  };

  // A number with its exact value beside the rounded text.
  pm.setNumber = function (target, text, exact) {
    const element = typeof target === "string" ? pm.byId(target) : target;
    pm.setText(element, text);
    pm.setAttribute(element, "data-value", exact === null || exact === undefined ? "" : exact);
  };

  pm.element = function (tag, attributes, children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, String(value));
    for (const child of children || []) element.append(child);
    return element;
  };

  pm.on = function (id, event, handler) {
    const element = pm.byId(id);
    if (element) element.addEventListener(event, handler);
  };

  // First index whose value is not less than `limit` in an ascending array.
  pm.lowerBound = function (values, limit) {
    let low = 0;
    let high = values.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[middle] < limit) low = middle + 1;
      else high = middle;
    }
    return low;
  };
})(window.powermon);
