// English sentences of the program (why a link failed, what the disk does) in the page's language, by their patterns.
// What happened, as a sentence made of an event's kind and data: components/sentences.py for the flags on the chart.
(function (pm) {
  "use strict";

  let known = {};

  // components/phrases.py does the same. What is not known is shown as it came.
  function phrase(text) {
    for (const [pattern, template] of known[pm.prefs.language()] || []) {
      const found = pattern.exec(text);
      if (found) return template.replace(/\{(\w+)\}/g, (_, name) => phrase(found.groups[name]));
    }
    return text;
  }

  const SAID = {
    reboot: ({ boot }) => pm.text("said.reboot", { boot }),
    clock: ({ step_us }) => pm.text("said.clock", { step: pm.units.number(step_us / 1e6, 1) }),
    sensor: ({ status }) => pm.text(status === "ok" ? "said.sensor.ok" : "said.sensor.bad", { status }),
    alert: ({ channel, level, value }) =>
      pm.text("said.alert." + level, { channel: pm.text("channel." + channel), value: pm.units.withUnit(channel, value) }),
  };
  const NEEDED = { reboot: ["boot"], clock: ["step_us"], sensor: ["status"], alert: ["channel", "level", "value"] };

  // Older records may lack data that a sentence needs: then the text that was stored is shown.
  function said(event) {
    const data = event.data || {};
    const enough = SAID[event.kind] && NEEDED[event.kind].every((name) => data[name] !== undefined && data[name] !== null);
    return enough ? SAID[event.kind](data) : phrase(event.text);
  }

  function start(phrases) {
    for (const [language, pairs] of Object.entries(phrases)) {
      known[language] = pairs.map(([source, template]) => [new RegExp(source, "s"), template]);
    }
  }

  pm.phrase = phrase;
  pm.phrases = { start, said };
})(window.powermon);
