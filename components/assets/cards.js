// The large numbers. Each carries its exact value in data-value, and the reading's number in data-seq.
(function (pm) {
  "use strict";

  const MINUTES = { 60: 1, 300: 5, 900: 15 };
  const levels = {};

  function show(snapshot) {
    for (const channel of pm.data.CHANNELS) {
      learn(channel, snapshot);
      showValue(channel, snapshot.last);
      showStats(channel, snapshot.stats_1m);
      showMoving(channel, snapshot.moving);
      showLevel(channel, snapshot.levels[channel] || "normal");
    }
    showSums(snapshot);
  }

  function learn(channel, snapshot) {
    if (snapshot.last) pm.units.learnDecimals(channel, snapshot.last[channel]);
    const { min, max } = snapshot.stats_1m;
    const last = snapshot.last ? snapshot.last[channel] : 0;
    pm.units.observe(channel, "cards", Math.max(Math.abs(min[channel] || 0), Math.abs(max[channel] || 0), Math.abs(last)));
  }

  function showValue(channel, last) {
    const element = pm.byId("value-" + channel);
    pm.setNumber(element, pm.units.value(channel, last && last[channel]), last && last[channel]);
    pm.setAttribute(element, "data-seq", last ? last.seq : "");
    pm.setText("unit-" + channel, pm.units.unit(channel));
  }

  function showStats(channel, stats) {
    for (const name of ["min", "avg", "max"]) {
      const exact = stats[name][channel];
      pm.setNumber(`stat-${channel}-${name}`, pm.units.value(channel, exact), exact);
    }
    pm.setNumber("coverage-" + channel, pm.text("time.s", { n: pm.units.number(stats.coverage_s, 1) }), stats.coverage_s);
  }

  function showMoving(channel, moving) {
    for (const [span, [coverage, ...means]] of Object.entries(moving)) {
      const element = pm.byId(`moving-${channel}-${MINUTES[span]}`);
      const mean = means[pm.data.CHANNELS.indexOf(channel)];
      pm.setNumber(element, pm.units.value(channel, mean), mean);
      pm.setAttribute(element, "data-coverage", coverage);
      pm.setAttribute(element, "title", `${pm.units.number(coverage, 1)} / ${span} s`);
    }
  }

  function showLevel(channel, level) {
    pm.setAttribute("card-" + channel, "data-level", level);
    pm.show("level-" + channel, level !== "normal");
    if (level !== "normal") pm.texts.put(`level-${channel}-word`, "level." + level);
    if (levels[channel] !== undefined && levels[channel] !== level) {
      pm.setText("announcer", pm.text("say.level." + level, { channel: pm.text("channel." + channel) }));
    }
    levels[channel] = level;
  }

  function showSums(snapshot) {
    const energy = pm.units.energy(snapshot.energy_wh);
    pm.setNumber("value-wh", energy.text, snapshot.energy_wh);
    pm.setText("unit-wh", energy.unit);
    pm.setNumber("value-mah", pm.units.sum(snapshot.charge_mah), snapshot.charge_mah);
    pm.setText("energy-since", pm.times.moment(snapshot.energy_since).slice(0, -4));
  }

  // Nothing live to show: no number stays that could be taken for this board's.
  function clear() {
    for (const element of document.querySelectorAll(".cards [data-value]")) pm.setNumber(element, pm.units.NONE, null);
    for (const channel of pm.data.CHANNELS) {
      pm.setAttribute("value-" + channel, "data-seq", "");
      pm.setAttribute("card-" + channel, "data-level", "normal");
      pm.show("level-" + channel, false);
      delete levels[channel];
    }
  }

  pm.cards = { show, clear };
})(window.powermon);
