"use strict";
/* The chart of one metric over the count made, by uPlot. */
ssnbench.chart = (() => {
  const { tone, element } = ssnbench;
  const WIDE = 4; // counts that spread wider than this stand on a logarithmic axis
  const INK = "#17191c"; // a method of this colour takes the ink of the page

  const APART = 34; // pixels between the names of two counts

  const isDark = () => Number(tone("ground").match(/\d+/)[0]) < 128;

  /* Colours are chosen for paper; on a dark ground they are mixed with a third of white. */
  function colour(method) {
    if (method.colour === INK) return tone("ink");
    if (!isDark()) return method.colour;
    const parts = method.colour.match(/[0-9a-f]{2}/gi).map(part => Math.round(parseInt(part, 16) * 0.67 + 84));
    return `rgb(${parts})`;
  }

  /* Counts of all curves in rising order, and a row of values for each method. */
  function aligned(methods, curves) {
    const counts = [...new Set(Object.values(curves).flat().map(point => point[0]))].sort((a, b) => a - b);
    const rows = methods.map(({ label }) => {
      const at = new Map((curves[label] ?? []).map(point => [point[0], point[1]]));
      return counts.map(count => at.get(count) ?? null);
    });
    return [counts, ...rows];
  }

  const STEPS = [1, 1.5, 2, 3, 4, 5, 6, 8];

  /* Round counts on a logarithmic axis that is so many pixels long; where it is short, fewer. */
  function ticks(low, high, length) {
    const round = [0, 1, 2, 3, 4, 5].flatMap(power => STEPS.map(step => step * 10 ** power));
    const kept = [];
    for (const count of round.filter(each => Number.isInteger(each) && each >= low && each <= high)) {
      const gap = kept.length ? (Math.log(count / kept.at(-1)) / Math.log(high / low)) * length : Infinity;
      if (gap >= APART) kept.push(count);
    }
    return kept;
  }

  function padded(least, most) {
    const room = (most - least || Math.abs(most) || 1) * 0.08;
    return [least - room, most + room];
  }

  /* Intervals as bars, and the annotators as a band that the axes clip. */
  function beside(section, metric, isShown) {
    return plot => {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      const y = value => plot.valToPos(value, "y", true);
      const band = section.annotators[metric];
      if (band) {
        ctx.fillStyle = tone("band");
        ctx.fillRect(bbox.left, y(band.high), bbox.width, y(band.low) - y(band.high));
      }
      ctx.lineWidth = devicePixelRatio;
      for (const method of section.methods.filter(isShown)) {
        ctx.strokeStyle = colour(method);
        ctx.beginPath();
        for (const [count, , low, high] of section.curves[metric][method.label] ?? []) {
          if (low === null) continue;
          const x = plot.valToPos(count, "x", true);
          ctx.moveTo(x, y(low));
          ctx.lineTo(x, y(high));
        }
        ctx.stroke();
      }
      ctx.restore();
    };
  }

  /* A line and a point as the chart draws them, for the list of methods. */
  function swatch(method) {
    const made = element("canvas", { width: 56, height: 20, "aria-hidden": "true" });
    const ctx = made.getContext("2d");
    ctx.strokeStyle = ctx.fillStyle = colour(method);
    ctx.lineWidth = 4;
    ctx.setLineDash(method.dash.map(part => 2 * part));
    ctx.beginPath();
    ctx.moveTo(2, 10);
    ctx.lineTo(54, 10);
    ctx.stroke();
    ctx.beginPath();
    ctx.arc(28, 10, 6, 0, 7);
    ctx.fill();
    return made;
  }

  function options(section, metric, isShown, width, onCursor) {
    const curves = section.curves[metric];
    const visible = section.methods.filter(isShown).flatMap(method => curves[method.label] ?? []);
    const counts = (visible.length ? visible : Object.values(curves).flat()).map(point => point[0]);
    const [low, high] = [Math.min(...counts), Math.max(...counts)];
    const wide = high > WIDE * low;
    const axis = { stroke: () => tone("faint"), grid: { stroke: () => tone("line"), width: 1 }, ticks: { stroke: () => tone("line"), width: 1 }, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif" };
    const { short, better } = section.metrics.find(({ name }) => name === metric);
    const arrow = { higher: " ↑", lower: " ↓" }[better] ?? "";
    return {
      width,
      height: Math.round(Math.min(Math.max(width * 0.56, 260), 460)),
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: {
        x: { time: false, distr: wide ? 3 : 1, range: () => wide ? [low * 0.93, high * 1.07] : [low - (high - low || low) * 0.05, high + (high - low || low) * 0.05] },
        y: { range: (_, least, most) => least === null ? [0, 1] : padded(least, most) },
      },
      axes: [
        { ...axis, label: "superpixels made (mean)", ...(wide ? { splits: (plot, _, from, to) => ticks(from, to, plot.bbox.width / devicePixelRatio), filter: (_, splits) => splits } : { incrs: [0, 1, 2, 3, 4].flatMap(power => [1, 2, 5].map(step => step * 10 ** power)) }), values: (_, splits) => splits.map(count => Number.isInteger(count) ? String(count) : ""), size: 36, labelSize: 22 },
        { ...axis, label: `${short} (${section.protocol})${arrow}`, size: 56, labelSize: 22 },
      ],
      series: [{}, ...section.methods.map(method => ({ label: method.label, stroke: () => colour(method), width: 2, dash: method.dash, spanGaps: true, show: isShown(method), points: { show: true, size: 7, width: 1.5, fill: () => tone("ground") } }))],
      hooks: { draw: [beside(section, metric, isShown)], setCursor: [onCursor] },
    };
  }

  /* Draw into a place; returns uPlot's object. */
  function draw(place, section, metric, isShown, onCursor) {
    const width = Math.max(place.clientWidth, 200);
    return new uPlot(options(section, metric, isShown, width, onCursor), aligned(section.methods, section.curves[metric]), place);
  }

  return { draw, swatch };
})();
