// Points → what Plotly draws: a line of means, cut where nothing was measured, and the band from minimum to maximum.
(function (pm) {
  "use strict";

  const DOTS_FROM_PX = 9; // single readings get a dot when they are this far apart

  // [begin, end) of every run of points that are joined.
  function runs(breaks) {
    const result = [];
    let begin = 0;
    for (let i = 1; i <= breaks.length; i++) {
      if (i === breaks.length || breaks[i]) {
        result.push([begin, i]);
        begin = i;
      }
    }
    return breaks.length ? result : [];
  }

  function line(data, channel, scale, msPerPx) {
    const x = [];
    const y = [];
    const half = data.bucketMs / 2;
    const mean = data[channel].mean;
    for (const [begin, end] of runs(data.breaks)) {
      if (x.length) {
        x.push(data.t[begin]);
        y.push(null);
      }
      if (end - begin === 1) {
        // A point alone has no line: a dash of three pixels stands for it.
        x.push(data.t[begin] + half - 1.5 * msPerPx, data.t[begin] + half + 1.5 * msPerPx);
        y.push(mean[begin] * scale, mean[begin] * scale);
        continue;
      }
      for (let i = begin; i < end; i++) {
        x.push(data.t[i] + half);
        y.push(mean[i] * scale);
      }
    }
    return { x, y };
  }

  function band(data, channel, scale) {
    const x = [];
    const y = [];
    if (!data.bucketMs) return { x, y };
    const { min, max } = data[channel];
    const half = data.bucketMs / 2;
    for (const [begin, end] of runs(data.breaks)) {
      if (x.length) {
        x.push(null);
        y.push(null);
      }
      for (let i = begin; i < end; i++) {
        x.push(data.t[i] + half);
        y.push(max[i] * scale);
      }
      for (let i = end - 1; i >= begin; i--) {
        x.push(data.t[i] + half);
        y.push(min[i] * scale);
      }
    }
    return { x, y };
  }

  function withDots(data, msPerPx) {
    const n = data.t.length;
    if (data.bucketMs || n < 2) return !data.bucketMs;
    return (data.t[n - 1] - data.t[0]) / (n - 1) / msPerPx >= DOTS_FROM_PX;
  }

  // `parts`: the empty traces of this theme, band and line per channel. `hidden`: channels not shown.
  function build(parts, data, hidden, msPerPx) {
    const mode = withDots(data, msPerPx) ? "lines+markers" : "lines";
    return parts.map((part, i) => {
      const channel = pm.data.CHANNELS[i >> 1];
      const visible = !hidden.includes(channel);
      if (!visible) return Object.assign({}, part, { x: [], y: [], visible: false });
      const scale = pm.units.scale(channel);
      const points = i % 2 ? line(data, channel, scale, msPerPx) : band(data, channel, scale);
      return Object.assign({}, part, points, { visible: true }, i % 2 ? { mode } : {});
    });
  }

  pm.traces = { build, runs };
})(window.powermon);
