"use strict";
/* The curves: metric, methods, and what they are worth at the count that is pointed at. */
(() => {
  const { state, change, on, byId, element, fill, shown, sections, chart } = ssnbench;
  const hidden = new Set(); // methods; the same for all metrics and sections
  let plot = null;
  let count = null;
  let speaking = 0;

  const isShown = method => !hidden.has(method.label);
  const counts = section => plot.data[0].filter((_, i) => section.methods.some((method, row) => isShown(method) && plot.data[row + 1][i] !== null));

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
    count = section.count ?? there[there.length >> 1] ?? null;
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
    if (kept !== null) count = kept;
    describe();
    [...byId("methods").querySelectorAll("button")].find(button => button.title === label)?.focus();
  }

  function describe() {
    const section = sections.current();
    const { name, long, better } = section.metrics.find(metric => metric.name === state.metric);
    const rows = section.methods.map(method => {
      const points = section.curves[name][method.label] ?? [];
      const at = part => count === null ? null : chart.read(points, count, part);
      return { method, value: at(1), low: at(2), high: at(3) };
    });
    const values = rows.filter(row => isShown(row.method) && row.value !== null).map(row => row.value);
    const best = better === "lower" ? Math.min(...values) : better ? Math.max(...values) : null;
    [...byId("methods").children].forEach((item, i) => {
      const { value, low, high } = rows[i];
      const place = item.querySelector(".value");
      place.replaceChildren(shown(value));
      if (low !== null && high !== null) place.append(element("small", {}, ` ${shown(low)} to ${shown(high)}`));
      place.classList.toggle("best", value !== null && value === best && isShown(rows[i].method));
    });
    byId("reading").textContent = count === null ? long : `${long} at ${Math.round(count)} superpixels made`;
    speak(rows, long);
  }

  /* For those who listen: once the pointer rests, so that it does not chatter. */
  function speak(rows, name) {
    const heard = rows.filter(row => isShown(row.method) && row.value !== null).map(row => `${row.method.label} ${shown(row.value)}`).join(", ");
    const text = `${name} at ${Math.round(count)} superpixels: ${heard || "no value"}`;
    const place = byId("chart");
    place.setAttribute("aria-valuetext", text);
    place.setAttribute("aria-valuenow", Math.round(count ?? 0));
    clearTimeout(speaking);
    speaking = setTimeout(() => { byId("spoken").textContent = text; }, 500);
  }

  function onCursor(plot) {
    const { left } = plot.cursor;
    if (left === undefined || left < 0) return;
    count = plot.posToVal(left, "x");
    describe();
  }

  /* From measured count to measured count. */
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
