// The page's sound: off until its reader turned it on by a click, which browsers ask for too. Only a browser can sound.
(function () {
  "use strict";

  const KEY = "powermon-sound";
  let context = null;

  const wanted = () => window.localStorage.getItem(KEY) === "on";

  // Browsers let a page sound only after a click on it; after a reload too.
  async function ready() {
    if (!wanted()) return;
    context = context || new window.AudioContext();
    await context.resume();
  }

  function tone(pitch, after) {
    const [source, volume] = [context.createOscillator(), context.createGain()];
    const begin = context.currentTime + after;
    source.frequency.value = pitch;
    volume.gain.setValueAtTime(0.15, begin);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + 0.25);
    source.connect(volume).connect(context.destination);
    source.start(begin);
    source.stop(begin + 0.25);
  }

  const canSound = () => wanted() && context !== null && context.state === "running";

  // Twice and higher for a danger.
  function sound(severity) {
    if (!canSound()) return;
    for (const after of severity === "danger" ? [0, 0.3] : [0]) tone(severity === "danger" ? 880 : 587, after);
  }

  async function allowSound(clicks) {
    if (clicks) {
      window.localStorage.setItem(KEY, wanted() ? "off" : "on");
      await ready();
      sound("warning");
    }
    if (!wanted()) return "sound-off";
    return context && context.state === "running" ? "sound-on" : "sound-waiting";
  }

  document.addEventListener("pointerdown", ready, true);

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.powermon = Object.assign(window.dash_clientside.powermon || {}, { allowSound, canSound, sound });
})();
