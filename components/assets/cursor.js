// The moment under the pointer (or moved by keys): every channel then, with time and age.
(function (pm) {
  "use strict";

  const state = { x: null, t: null, data: null, t0: 0, t1: 1, area: null };
  let fields = null;

  function build() {
    const readout = pm.byId("readout");
    const line = (name) => pm.element("span", { class: "number " + name });
    fields = { time: line("readout-time"), ago: line("readout-ago") };
    readout.append(fields.time, fields.ago);
    for (const channel of pm.data.CHANNELS) {
      const row = pm.element("div", { class: "readout-row", "data-channel": channel });
      const sign = pm.element("span", { class: "line line-" + channel, "aria-hidden": "true" });
      const value = pm.element("span", { class: "number", id: "readout-" + channel });
      const extremes = pm.element("span", { class: "number readout-extremes" });
      row.append(sign, value, extremes);
      fields[channel] = { row, value, extremes };
      readout.append(row);
    }
  }

  function nearest(t) {
    const { data } = state;
    const target = t - data.bucketMs / 2;
    const i = pm.lowerBound(data.t, target);
    if (i > 0 && (i === data.t.length || target - data.t[i - 1] < data.t[i] - target)) return i - 1;
    return i < data.t.length ? i : -1;
  }

  function update(data, t0, t1, area) {
    Object.assign(state, { data, t0, t1, area });
    show();
  }

  function pointAt(x) {
    state.x = x;
    state.t = null;
    pm.setAttribute("readout", "aria-live", "off");
    show();
  }

  function leave() {
    if (state.t !== null) return;
    state.x = null;
    show();
  }

  // By keys: `step` points further; the first press starts in the middle.
  function step(count) {
    if (!state.data || !state.data.t.length) return;
    const from = state.t !== null ? nearest(state.t) : state.x !== null ? nearest(time()) : state.data.t.length >> 1;
    const i = Math.min(state.data.t.length - 1, Math.max(0, from + count));
    state.t = state.data.t[i] + state.data.bucketMs / 2;
    pm.setAttribute("readout", "aria-live", "polite");
    show();
  }

  function time() {
    if (state.t !== null) return state.t;
    return state.x === null ? null : state.t0 + (state.x / state.area.width) * (state.t1 - state.t0);
  }

  function hide() {
    pm.show("readout", false);
    pm.show("cursor-line", false);
  }

  function show() {
    const t = time();
    if (t === null || !state.data || !state.data.t.length || t < state.t0 || t > state.t1) {
      hide();
      return;
    }
    const i = nearest(t);
    const at = i < 0 ? NaN : state.data.t[i] + state.data.bucketMs / 2;
    if (!(at >= state.t0 - state.data.bucketMs && at <= state.t1 + state.data.bucketMs)) {
      hide(); // the nearest lies outside the picture
      return;
    }
    if (!fields) build();
    write(i);
    place(at);
  }

  function write(i) {
    const { data } = state;
    const at = data.t[i];
    pm.setText(fields.time, pm.times.millis(at));
    pm.setText(fields.ago, pm.text("readout.ago", { s: pm.times.duration(Math.max(0, pm.live.now() - at) / 1000) }));
    pm.setAttribute("readout", "data-t", at);
    for (const channel of pm.data.CHANNELS) {
      const { row, value, extremes } = fields[channel];
      const column = data[channel];
      pm.show(row, !pm.chart.hidden().includes(channel));
      pm.setNumber(value, pm.units.withUnit(channel, column.mean[i]), column.mean[i]);
      const range = `${pm.units.value(channel, column.min[i])} … ${pm.units.value(channel, column.max[i])}`;
      pm.setText(extremes, data.bucketMs ? range : "");
    }
  }

  function place(t) {
    const { area, t0, t1 } = state;
    const x = ((t - t0) / (t1 - t0)) * area.width;
    const line = pm.byId("cursor-line");
    const readout = pm.byId("readout");
    pm.show(line, true);
    pm.show(readout, true);
    line.style.transform = `translateX(${x.toFixed(1)}px)`;
    const right = x > area.width / 2;
    const left = area.left + x + (right ? -14 - readout.offsetWidth : 14);
    readout.style.transform = `translate(${Math.max(0, left).toFixed(0)}px, ${area.top + 26}px)`;
  }

  pm.cursor = {
    update,
    pointAt,
    leave,
    step,
    time,
    clear: () => {
      state.t = null;
      state.x = null;
      hide();
    },
  };
})(window.powermon);
