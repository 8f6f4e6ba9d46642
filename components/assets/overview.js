// The whole record as a strip: power from lowest to highest, with the window to drag in it. A canvas, drawn once a minute.
(function (pm) {
  "use strict";

  const EVERY_MS = 60000;
  const FIRST_MS = 5000; // while there is little, more often
  const POINTS = 600;
  const LEAST_MS = 5 * 60000;
  const LEAST_PX = 6;
  const state = { data: null, t0: 0, t1: 1, loadedAt: -Infinity, asking: false, device: null };
  let drag = null;

  async function load() {
    const device = pm.view.device();
    if (state.asking || !device || document.hidden) return;
    state.asking = true;
    try {
      const now = pm.live.now();
      const whole = now - pm.spec.retention_h * 3600000;
      let [t0, payload] = [whole, await ask(device, whole, now)];
      const first = payload.t.length ? payload.t[0] : now - LEAST_MS;
      // A young record fills the strip too: asked once more for the part that holds something.
      if (now - first < (now - whole) / 2) {
        t0 = Math.min(first, now - LEAST_MS);
        payload = await ask(device, t0, now);
      }
      Object.assign(state, { data: pm.data.fromPayload(payload), t0, t1: now, device });
    } catch (error) {
      if (!(error instanceof pm.api.Failure)) throw error; // the next round asks again
    } finally {
      state.asking = false;
      state.loadedAt = performance.now();
    }
    draw();
  }

  function ask(device, t0, t1) {
    return pm.api.get("/api/curve", { device, from: Math.max(0, t0) / 1000, to: t1 / 1000, points: POINTS });
  }

  function tick() {
    const pace = state.t1 - state.t0 < 3600000 ? FIRST_MS : EVERY_MS;
    if (performance.now() - state.loadedAt > pace || state.device !== pm.view.device()) load();
    if (pm.view.isLive()) place();
  }

  function draw() {
    const canvas = pm.byId("overview");
    const frame = pm.byId("overview-frame");
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [frame.clientWidth, frame.clientHeight];
    if (!width) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    if (state.data && state.data.t.length) paint(context, width, height);
    ticks(width);
    place();
  }

  function paint(context, width, height) {
    const { data, t0, t1 } = state;
    const high = Math.max(...data.w.max, 1e-9);
    const low = Math.min(0, ...data.w.min);
    const x = (t) => ((t - t0) / (t1 - t0)) * width;
    const y = (value) => height - 3 - ((value - low) / (high - low)) * (height - 8);
    const color = getComputedStyle(document.documentElement).getPropertyValue("--w");
    for (const [begin, end] of pm.traces.runs(data.breaks)) {
      band(context, data, x, y, begin, end, color, width);
    }
  }

  function band(context, data, x, y, begin, end, color, width) {
    const right = (i) => Math.min(width, x(data.t[i] + data.bucketMs));
    context.beginPath();
    for (let i = begin; i < end; i++) context.lineTo(x(data.t[i] + data.bucketMs / 2), y(data.w.max[i]));
    for (let i = end - 1; i >= begin; i--) context.lineTo(x(data.t[i] + data.bucketMs / 2), y(data.w.min[i]));
    context.closePath();
    context.fillStyle = color;
    context.strokeStyle = color;
    context.globalAlpha = 0.25;
    context.fill();
    context.globalAlpha = 1;
    context.beginPath();
    for (let i = begin; i < end; i++) context.lineTo(x(data.t[i] + data.bucketMs / 2), y(data.w.mean[i]));
    if (end - begin === 1) context.lineTo(right(begin), y(data.w.mean[begin]));
    context.stroke();
  }

  function ticks(width) {
    const { values, texts } = pm.scale.timeTicks(state.t0, state.t1, width);
    const labels = values.map((value, i) => {
      const label = pm.element("span");
      label.textContent = texts[i].replace(/<\/?b>/g, "");
      label.style.left = `${(((value - state.t0) / (state.t1 - state.t0)) * 100).toFixed(2)}%`;
      return label;
    });
    pm.byId("overview-ticks").replaceChildren(...labels);
  }

  function place() {
    const element = pm.byId("overview-window");
    const width = pm.byId("overview-frame").clientWidth;
    const total = pm.view.isLive() ? Math.max(state.t1, pm.live.now()) - state.t0 : state.t1 - state.t0;
    const [t0, t1] = pm.chart.bounds();
    const left = Math.max(0, ((t0 - state.t0) / total) * width);
    const right = Math.min(width, ((t1 - state.t0) / total) * width);
    const size = Math.max(LEAST_PX, right - left);
    element.style.transform = `translateX(${Math.min(width - size, Math.max(0, left)).toFixed(1)}px)`;
    element.style.width = `${size.toFixed(1)}px`;
    pm.setAttribute(element, "aria-valuenow", Math.round(Math.min(100, Math.max(0, ((t0 + t1) / 2 - state.t0) / total * 100))));
    pm.setAttribute(element, "aria-valuetext", `${pm.times.moment(t0)} – ${pm.times.moment(t1)}`);
  }

  function timeAt(event) {
    const rect = pm.byId("overview-frame").getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - rect.left) / rect.width));
    return state.t0 + share * (state.t1 - state.t0);
  }

  function down(event) {
    if (event.button !== 0 || !state.data) return;
    event.preventDefault();
    pm.byId("overview-frame").setPointerCapture(event.pointerId);
    if (pm.view.isLive()) pm.chart.pause();
    const [t0, t1] = pm.chart.bounds();
    const t = timeAt(event);
    const edge = event.target.dataset.edge;
    const inside = event.target.closest("#overview-window");
    // A press beside the window brings its middle there; from then on it is dragged.
    drag = { kind: edge || "move", t: inside ? t : (t0 + t1) / 2, t0, t1 };
    if (!inside) move(event);
  }

  function move(event) {
    if (!drag) return;
    const t = timeAt(event);
    if (drag.kind === "left") pm.view.inspect(Math.min(t, drag.t1 - 1000), drag.t1);
    else if (drag.kind === "right") pm.view.inspect(drag.t0, Math.max(t, drag.t0 + 1000));
    else pm.view.inspect(drag.t0 + t - drag.t, drag.t1 + t - drag.t);
  }

  function keys(event) {
    const share = { ArrowLeft: -0.25, ArrowRight: 0.25 }[event.key];
    if (!share) return;
    event.preventDefault();
    pm.gestures.pan(share);
  }

  function start() {
    const frame = pm.byId("overview-frame");
    frame.addEventListener("pointerdown", down);
    frame.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, () => { drag = null; });
    pm.byId("overview-window").addEventListener("keydown", keys);
    new ResizeObserver(draw).observe(frame);
    for (const name of ["theme", "language", "zone"]) pm.prefs.onChange(name, draw);
    pm.view.onChange(() => {
      if (state.device !== pm.view.device()) load();
      place();
    });
  }

  // Before the strip is there nobody knows how old the record is: then all that may be kept.
  function all() {
    if (pm.view.isLive()) pm.chart.pause();
    const now = pm.live.now();
    pm.view.inspect(state.data ? state.t0 : now - pm.spec.retention_h * 3600000, now);
  }

  pm.overview = { start, tick, all, span: () => [state.t0, state.t1] };
})(window.powermon);
