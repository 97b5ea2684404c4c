"use strict";
/* The curves: metric, methods, and what they are worth at the count that is pointed at. */
(() => {
  const { state, change, on, byId, element, fill, shown, sections, chart } = ssnbench;
  const hidden = new Set(); // methods; the same for all metrics and sections
  let plot = null;
  let count = null;
  let speaking = 0;

  const isShown = method => !hidden.has(method.label);
  /* Where curves are read: at the counts of the table of equal counts and some between them, by the
     same numbers; where there are none, at the counts asked for. */
  const asked = section => [...new Set(Object.values(section.curves[state.metric] ?? {}).flat().map(point => point[4]))].sort((a, b) => a - b);
  const counts = section => section.readings.counts.length ? section.readings.counts : asked(section);
  const nearest = (all, wanted) => all.reduce((best, each) => Math.abs(Math.log((each || 1) / wanted)) < Math.abs(Math.log((best || 1) / wanted)) ? each : best, all[0] ?? null);

  function value(section, name, label) {
    const at = section.readings.counts.indexOf(count);
    if (section.readings.counts.length) return section.readings.values[name]?.[label]?.[at] ?? null;
    return (section.curves[name]?.[label] ?? []).find(point => point[4] === count)?.[1] ?? null;
  }

  function draw() {
    const section = sections.current();
    plot?.destroy();
    plot = null;
    byId("chart").replaceChildren();
    if (!section?.metrics.length) {
      byId("chart").textContent = "No scores to draw.";
      return;
    }
    plot = chart.draw(byId("chart"), section, state.metric, isShown, onCursor);
    plot.root.setAttribute("aria-hidden", "true");
    const there = counts(section);
    count = there.includes(section.count) ? section.count : there[there.length >> 1] ?? null;
    list();
  }

  /* The methods with their values at the count; a press takes one out or in. */
  function list() {
    const section = sections.current();
    byId("methods").replaceChildren(...section.methods.map(method => {
      const value = element("span", { class: "value" });
      const button = element("button", { type: "button", "aria-pressed": isShown(method), title: method.label }, chart.swatch(method), element("span", { class: "label" }, method.label), value);
      button.addEventListener("click", () => toggle(method.label));
      return element("li", {}, button);
    }));
    describe();
  }

  function toggle(label) {
    hidden.has(label) ? hidden.delete(label) : hidden.add(label);
    redraw(label);
  }

  function redraw(label) {
    const kept = count;
    draw();
    if (counts(sections.current()).includes(kept)) count = kept;
    describe();
    [...byId("methods").querySelectorAll("button")].find(button => button.title === label)?.focus();
  }

  function describe() {
    const section = sections.current();
    const { name, long, better } = section.metrics.find(metric => metric.name === state.metric);
    const rows = section.methods.map(method => ({ method, value: value(section, name, method.label) }));
    const values = rows.filter(row => isShown(row.method) && row.value !== null).map(row => row.value);
    const best = better === "lower" ? Math.min(...values) : better ? Math.max(...values) : null;
    [...byId("methods").children].forEach((item, i) => {
      const { value } = rows[i];
      const place = item.querySelector(".value");
      place.replaceChildren(shown(value));
      place.classList.toggle("best", value !== null && value === best && isShown(rows[i].method));
    });
    byId("reading").textContent = count === null ? long : `${long} at ${where(section)}`;
    speak(rows, long, where(section));
  }

  const where = section => `${count || "unknown"} superpixels ${section.readings.counts.length ? "made" : "asked for"}`;

  /* For those who listen: once the pointer rests, so that it does not chatter. */
  function speak(rows, name, place) {
    const heard = rows.filter(row => isShown(row.method) && row.value !== null).map(row => `${row.method.label} ${shown(row.value)}`).join(", ");
    const text = `${name} at ${place}: ${heard || "no value"}`;
    byId("chart").setAttribute("aria-valuetext", text);
    byId("chart").setAttribute("aria-valuenow", count ?? 0);
    clearTimeout(speaking);
    speaking = setTimeout(() => { byId("spoken").textContent = text; }, 500);
  }

  function onCursor(plot) {
    const { left } = plot.cursor;
    if (left === undefined || left < 0) return;
    count = nearest(counts(sections.current()), plot.posToVal(left, "x"));
    describe();
  }

  /* From count to count. */
  function step(event) {
    if (!plot || !["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
    event.preventDefault();
    const there = counts(sections.current());
    const next = { ArrowLeft: there.filter(c => c < count).at(-1), ArrowRight: there.find(c => c > count), Home: there[0], End: there.at(-1) }[event.key];
    if (next === undefined) return;
    plot.setCursor({ left: plot.valToPos(next, "x"), top: 1 }, false);
    count = next;
    describe();
  }

  function onSection() {
    const metrics = sections.current().metrics;
    fill(byId("metric"), metrics.map(metric => [metric.name, `${metric.long}${{ higher: " ↑", lower: " ↓" }[metric.better] ?? ""}`]), state.metric);
    const first = metrics.find(metric => metric.better) ?? metrics[0];
    const kept = metrics.some(metric => metric.name === state.metric);
    byId("metric").value = kept ? state.metric : first?.name;
    if (kept || !first) draw();
    else change({ metric: first.name });
  }

  on(["section"], onSection);
  on(["metric"], () => {
    if (!sections.current()?.metrics.some(metric => metric.name === state.metric)) return;
    byId("metric").value = state.metric;
    draw();
  });
  if (byId("explorer")) {
    byId("metric").addEventListener("change", () => change({ metric: byId("metric").value }));
    byId("all-methods").addEventListener("click", () => { hidden.clear(); redraw(); });
    byId("no-methods").addEventListener("click", () => { for (const { label } of sections.current().methods) hidden.add(label); redraw(); });
    byId("chart").addEventListener("keydown", step);
    new ResizeObserver(([entry]) => { if (plot && Math.abs(entry.contentRect.width - plot.width) > 1) redraw(); }).observe(byId("chart"));
    document.documentElement.addEventListener("themechange", () => { if (plot) redraw(); });
  }
})();
