// Marks over the chart: gaps hatched, recovered parts, reboots and alerts as flags. Positioned, never drawn into the curves.
(function (pm) {
  "use strict";

  const LEAST_PX = 3;
  const MAX_MARKS = 200;
  const FLAGS = ["reboot", "alert", "clock", "sensor"];
  let layer = null;
  let shown = new Map();

  function holes(data) {
    const result = [];
    for (let i = 1; i < data.t.length; i++) {
      if (data.breaks[i]) result.push({ t0: data.t[i - 1] + data.bucketMs, t1: data.t[i], state: "hole" });
    }
    return result;
  }

  function overlaps(hole, gaps) {
    return gaps.some((gap) => gap.t0 < hole.t1 && gap.t1 > hole.t0);
  }

  function gapTitle(gap) {
    const parts = [];
    if (gap.missing) parts.push(pm.text("mark.open", { n: gap.missing }));
    if (gap.lost) parts.push(pm.text("mark.lost", { n: gap.lost }));
    if (gap.recovered) parts.push(pm.text("mark.recovered", { n: gap.recovered }));
    return parts.join(", ");
  }

  // A gap whose last word is "recovered" is no longer hatched; one that is partly lost is both.
  function wantedMarks(data, t0, t1) {
    const marks = [];
    const gaps = data.gaps.filter((gap) => gap.t1 >= t0 && gap.t0 <= t1);
    for (const gap of gaps) {
      const kind = gap.missing ? "open" : gap.lost ? "lost" : "recovered";
      marks.push({ key: `g${gap.boot}-${gap.first}`, kind, t0: gap.t0, t1: gap.t1, title: gapTitle(gap), recovered: gap.recovered });
    }
    for (const hole of holes(data)) {
      if (!overlaps(hole, gaps)) marks.push({ key: `h${hole.t0}`, kind: "hole", t0: hole.t0, t1: hole.t1, title: "", recovered: 0 });
    }
    for (const event of data.events) {
      if (FLAGS.includes(event.kind) && event.time >= t0 && event.time <= t1) {
        marks.push({ key: `e${event.id}-${event.time}`, kind: event.kind, t0: event.time, t1: event.time, title: pm.phrases.said(event), flag: true });
      }
    }
    return marks.slice(-MAX_MARKS);
  }

  function make(mark) {
    const element = pm.element("div", { class: mark.flag ? "mark flag" : "mark", "data-kind": mark.kind });
    if (mark.flag) element.append(pm.element("span", { class: "flag-head" }));
    return element;
  }

  function place(element, mark, t0, t1, width) {
    const perMs = width / (t1 - t0);
    const left = Math.max(0, (mark.t0 - t0) * perMs);
    const right = Math.min(width, (mark.t1 - t0) * perMs);
    const size = mark.flag ? 0 : Math.max(LEAST_PX, right - left);
    element.style.transform = `translateX(${left.toFixed(1)}px)`;
    element.style.width = `${size.toFixed(1)}px`;
    pm.setAttribute(element, "data-kind", mark.kind);
    pm.setAttribute(element, "data-recovered", mark.recovered || 0);
    pm.setAttribute(element, "title", mark.title);
    if (mark.flag) pm.setText(element.firstElementChild, pm.text("event." + mark.kind));
  }

  function update(data, t0, t1, geometry) {
    if (!layer) layer = pm.byId("marks-layer");
    if (!layer) return;
    const next = new Map();
    for (const mark of wantedMarks(data, t0, t1)) {
      const element = shown.get(mark.key) || make(mark);
      place(element, mark, t0, t1, geometry.width);
      if (!shown.has(mark.key)) layer.append(element);
      next.set(mark.key, element);
    }
    for (const [key, element] of shown) if (!next.has(key)) element.remove();
    shown = next;
  }

  pm.marks = { update };
})(window.powermon);
