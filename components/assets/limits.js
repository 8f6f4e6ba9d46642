// Limits as lines over the chart; an arrow at the edge where one lies outside the picture.
(function (pm) {
  "use strict";

  const APART_PX = 18;
  const GAP_PX = 8;
  let shown = [];

  function element(limit) {
    const line = pm.element("div", { class: "limit", "data-level": limit.level, "data-channel": limit.channel });
    line.append(pm.element("span", { class: "limit-text" }));
    pm.byId("limits-layer").append(line);
    return { limit, line };
  }

  // `panes`: per channel the share of the height where its pane begins and ends, and its range in V, A or W.
  function update(panes, area) {
    const limits = pm.spec.limits;
    if (!limits.length) return;
    if (!shown.length) shown = limits.map(element);
    const placed = [];
    for (const { limit, line } of shown) {
      const y = place(limit, line, panes[limit.channel], area);
      if (y !== null) part(line.firstElementChild, y, placed, area.width);
    }
  }

  // Words at the same height stand side by side, or below each other where the picture is too narrow.
  function part(text, y, placed, width) {
    const near = placed.filter((other) => Math.abs(other.y - y) < APART_PX);
    const beside = near.reduce((sum, other) => sum + other.width, 0);
    const own = text.offsetWidth + GAP_PX;
    const fits = beside + own <= width;
    text.style.translate = !beside ? "" : fits ? `${-beside}px 0` : `0 ${near.length * APART_PX}px`;
    placed.push({ y, width: own });
  }

  function place(limit, line, pane, area) {
    pm.show(line, Boolean(pane));
    if (!pane) return null;
    const [low, high] = pane.range;
    const share = (limit.on - low) / (high - low);
    const outside = share < 0 ? "below" : share > 1 ? "above" : "";
    const y = pane.top + (1 - Math.min(1, Math.max(0, share))) * (pane.bottom - pane.top);
    line.style.transform = `translateY(${(y * area.height).toFixed(1)}px)`;
    pm.setAttribute(line, "data-outside", outside);
    const arrow = outside === "above" ? "\u2191 " : outside === "below" ? "\u2193 " : "";
    const side = limit.above ? ">" : "<";
    pm.setText(line.firstElementChild, `${arrow}${pm.text("level." + limit.level)} ${side} ${pm.units.withUnit(limit.channel, limit.on)}`);
    return y * area.height;
  }

  pm.limits = { update };
})(window.powermon);
