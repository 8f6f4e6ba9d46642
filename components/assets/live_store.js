// The live window in the browser: columns of points, replaced from where the server says and appended to.
(function (pm) {
  "use strict";

  const CHANNELS = ["v", "a", "w"];
  const FIELDS = ["min", "mean", "max"];
  const MEMBERS = ["stats_1m", "moving", "counts", "levels", "clock"]; // of a snapshot, sent by their parts

  function emptyData() {
    const data = { bucketMs: 0, t: [], breaks: [], recovered: [], gaps: [], events: [] };
    for (const channel of CHANNELS) data[channel] = { min: [], mean: [], max: [] };
    return data;
  }

  // Columns as /api/live and /api/curve give them → our data; indexes become 0/1 columns so that they can be cut.
  function fromPayload(payload) {
    const data = emptyData();
    data.bucketMs = payload.bucket_us / 1000;
    data.t = payload.t;
    data.breaks = flags(payload.break, payload.t.length);
    data.recovered = flags(payload.recovered, payload.t.length);
    data.gaps = payload.gaps || [];
    data.events = payload.events || [];
    for (const channel of CHANNELS) {
      const columns = payload[channel];
      for (const field of FIELDS) data[channel][field] = columns[field] && columns[field].length ? columns[field] : columns.mean;
    }
    return data;
  }

  function flags(indexes, length) {
    const column = new Array(length).fill(0);
    for (const index of indexes || []) column[index] = 1;
    return column;
  }

  function columnsOf(data) {
    const columns = [data.t, data.breaks, data.recovered];
    for (const channel of CHANNELS) for (const field of FIELDS) columns.push(data[channel][field]);
    return columns;
  }

  // `current` with the points from `payload.from` on replaced; returns new arrays so that a drawn chart is never changed.
  function merge(current, payload, oldestMs) {
    const fresh = fromPayload(payload);
    if (!payload.all) {
      fresh.gaps = mergeMarks(current.gaps, fresh.gaps, (gap) => `${gap.boot}-${gap.first}`, (gap) => gap.t1, oldestMs);
      fresh.events = mergeMarks(current.events, fresh.events, (event) => event.id, (event) => event.time, oldestMs);
    }
    if (payload.whole || fresh.bucketMs !== current.bucketMs) return fresh;
    const end = pm.lowerBound(current.t, payload.from);
    const begin = Math.min(end, pm.lowerBound(current.t, oldestMs));
    const merged = emptyData();
    merged.bucketMs = fresh.bucketMs;
    merged.gaps = fresh.gaps;
    merged.events = fresh.events;
    const old = columnsOf(current);
    const added = columnsOf(fresh);
    columnsInto(merged, old.map((column, i) => column.slice(begin, end).concat(added[i])));
    return merged;
  }

  // Marks that changed take the place of what they were; those that have left the window go.
  function mergeMarks(old, changed, key, end, oldestMs) {
    if (!changed.length && (!old.length || end(old[0]) >= oldestMs)) return old;
    const marks = new Map(old.concat(changed).map((mark) => [key(mark), mark]));
    return [...marks.values()].filter((mark) => end(mark) >= oldestMs).sort((x, y) => end(x) - end(y));
  }

  // A snapshot of which only what changed was sent: members of objects one level down count for themselves.
  function mergeSnapshot(old, changed) {
    const merged = Object.assign({}, old);
    for (const [name, value] of Object.entries(changed)) {
      const members = MEMBERS.includes(name) && old[name];
      merged[name] = members ? Object.assign({}, old[name], value) : value;
    }
    return merged;
  }

  function columnsInto(data, columns) {
    [data.t, data.breaks, data.recovered] = columns;
    let i = 3;
    for (const channel of CHANNELS) for (const field of FIELDS) data[channel][field] = columns[i++];
  }

  // The points in [t0, t1] and one more at each side, so that lines run out of the picture instead of ending in it.
  function slice(data, t0, t1) {
    const begin = Math.max(0, pm.lowerBound(data.t, t0 - data.bucketMs) - 1);
    const end = Math.min(data.t.length, pm.lowerBound(data.t, t1) + 1);
    if (begin === 0 && end === data.t.length) return data;
    const cut = emptyData();
    cut.bucketMs = data.bucketMs;
    cut.gaps = data.gaps;
    cut.events = data.events;
    columnsInto(cut, columnsOf(data).map((column) => column.slice(begin, end)));
    return cut;
  }

  // Smallest and largest value drawn of a channel within [t0, t1], or null.
  function extremes(data, channel, t0, t1) {
    const begin = pm.lowerBound(data.t, t0 - data.bucketMs);
    const end = pm.lowerBound(data.t, t1);
    let low = Infinity;
    let high = -Infinity;
    for (let i = begin; i < end; i++) {
      if (data[channel].min[i] < low) low = data[channel].min[i];
      if (data[channel].max[i] > high) high = data[channel].max[i];
    }
    return low <= high ? [low, high] : null;
  }

  pm.data = { CHANNELS, empty: emptyData, fromPayload, merge, mergeSnapshot, slice, extremes };
})(window.powermon);
