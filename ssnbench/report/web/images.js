"use strict";
/* The image browser: which image, count and methods; what is switched on; what is missing. */
(() => {
  const { load, state, change, on, byId, fill, shown, sections, maps, worst, Viewer, gestures } = ssnbench;
  if (!byId("browser")) return;

  let all = [];
  let scores = null;
  let opening = 0;
  const viewer = new Viewer(byId("canvas"), zoom => {
    byId("zoom").textContent = `${Math.round(100 * zoom)} %`;
    byId("canvas").classList.toggle("zoomed", zoom > 1);
  });

  const current = () => all.find(item => item.data === sections.current()?.data);
  const entry = () => current()?.images.find(item => item.key === state.image);
  const metric = () => sections.current().metrics.find(item => item.name === byId("worst-metric").value);

  /* What is drawn is made when it is first shown. */
  function once(make) {
    let made;
    return () => made ??= make();
  }

  /* Red, unless the boundaries are of that kind: then yellow. */
  function leakColour(ink) {
    const [red, green] = ink.match(/\d+/g).map(Number);
    return red > 128 && green < 128 ? [255, 221, 0] : [255, 45, 85];
  }

  /* ---------------------------------------------------------------- what is chosen */

  async function onSection() {
    const section = sections.current();
    [all, scores] = await Promise.all([load("browser"), load(section.scores)]);
    const here = current();
    byId("browser").hidden = !here;
    byId("browser-notes").textContent = here ? here.notes.join(" ") : `The store holds no label maps of ${section.data}: nothing to show.`;
    if (!here) return;
    const counts = [...new Set(here.images.flatMap(item => Object.keys(item.maps)))].sort((a, b) => a - b);
    const choices = here.labels.map(label => [label, label]);
    const judged = section.metrics.filter(item => item.better);
    fill(byId("asked"), counts.map(count => [count, count === "0" ? "as given" : count]), state.asked ?? counts[counts.length >> 1]);
    const [first, second = first] = worst.methods(scores, judged[0], here.labels, byId("asked").value);
    fill(byId("left"), choices, state.left ?? first);
    fill(byId("right"), choices, state.right ?? second);
    fill(byId("worst-method"), choices, byId("left").value);
    fill(byId("worst-metric"), judged.map(item => [item.name, item.short]), byId("worst-metric").value || judged[0]?.name);
    Object.assign(state, { asked: byId("asked").value, left: byId("left").value, right: byId("right").value });
    order();
  }

  /* Images from the worst of the chosen method on; the first is taken when none is chosen. */
  function order() {
    const here = current();
    if (!here) return;
    const [label, by] = [byId("worst-method").value, metric()];
    const keys = here.images.map(item => item.key);
    const pairs = by ? worst.ranked(scores, by, label, state.asked, keys) : keys.map(key => [key, null]);
    if (!keys.includes(state.image)) state.image = pairs[0][0];
    fill(byId("image"), pairs.map(([key, value]) => [key, value === null ? key : `${key} · ${by.short} ${shown(value)}`]), state.image);
    worst.list(byId("worst"), pairs, state, label, state.asked);
    open();
  }

  function step(by) {
    const { options, selectedIndex } = byId("image");
    change({ image: options[(selectedIndex + by + options.length) % options.length].value });
  }

  /* ---------------------------------------------------------------- what is drawn */

  async function open() {
    const turn = ++opening;
    const item = entry();
    const [picture, sheet] = await Promise.all([item.picture ? load(item.picture) : null, item.maps[state.asked] ? load(item.maps[state.asked]) : {}]);
    const truths = picture?.truths ?? [];
    fill(byId("annotator"), truths.map((_, i) => [i, String(i + 1)]), byId("annotator").value);
    const sides = [state.left, state.right].map(label => sheet[label]);
    const [jpeg, left, right, truth] = await Promise.all([picture && decoded(picture.jpeg), ...sides.map(side => side && maps.unpack(side.map)), truths.length ? maps.unpack(truths[byId("annotator").value]) : null]);
    if (turn !== opening) return; // another was chosen meanwhile
    const size = left ?? right ?? { width: jpeg?.naturalWidth ?? 3, height: jpeg?.naturalHeight ?? 2 };
    const leaks = [left, right].map(map => map && truth && maps.leakage(map, truth));
    const ink = picture?.ink ?? "rgb(255, 235, 0)";
    const red = leakColour(ink);
    byId("browser").style.setProperty("--edges", ink);
    byId("browser").style.setProperty("--leak", `rgb(${red})`);
    viewer.set({
      key: item.key, picture: jpeg, width: size.width, height: size.height, ink,
      truth: truth && once(() => maps.outline(truth)),
      sides: [left, right].map((map, i) => map && {
        outline: once(() => maps.outline(map)),
        leak: leaks[i] && once(() => maps.layer(leaks[i].outside, map, [...red, 165])),
      }),
    });
    describe(item, picture, sides, leaks);
  }

  async function decoded(uri) {
    const image = new Image();
    image.src = uri;
    await image.decode();
    return image;
  }

  function describe(item, picture, sides, leaks) {
    const missing = [];
    if (!picture) missing.push("No picture of this image is at hand; boundaries alone are shown.");
    ["left", "right"].forEach((side, i) => {
      const label = state[side];
      byId(`name-${side}`).textContent = label;
      byId(`caption-${side}`).textContent = caption(item, label, sides[i], leaks[i]);
      if (!sides[i]) missing.push(`${label}: no label map of this image at ${state.asked}.`);
    });
    byId("absent").textContent = missing.join(" ");
    byId("absent").hidden = !missing.length;
    for (const id of ["truth", "leak"]) byId(id).disabled = !picture?.truths.length;
    byId("annotators").hidden = !(picture?.truths.length > 1);
    byId("canvas").setAttribute("aria-label", `${item.key}, ${byId("caption-left").textContent}; ${byId("caption-right").textContent}`);
    byId("canvas").dataset.image = item.key;
    for (const link of byId("worst").querySelectorAll("a")) link.toggleAttribute("aria-current", link.firstChild.textContent === item.key);
  }

  function caption(item, label, side, leak) {
    if (!side) return `${label}: nothing here`;
    const value = worst.scoresOf(scores, label, state.asked, item.key);
    const judged = sections.current().metrics.filter(m => m.better && value(m.name) !== null).slice(0, 3);
    const parts = [`${label}: ${side.made} made`, ...judged.map(m => `${m.short} ${shown(value(m.name))}`)];
    if (leak && leak.share !== null) parts.push(`${(100 * leak.share).toFixed(1)} % of pixels leak`);
    return parts.join(" · ");
  }

  /* ---------------------------------------------------------------- controls */

  function toggle(id) {
    if (byId(id).disabled) return;
    viewer.show[id] = !viewer.show[id];
    byId(id).setAttribute("aria-pressed", viewer.show[id]);
    viewer.redraw();
  }

  function divide(share) {
    viewer.setDivider(share);
    byId("divider").value = Math.round(1000 * viewer.divider);
  }

  function onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const move = (x, y) => viewer.zoom > 1 ? viewer.moveBy(x, y) : divide(viewer.divider - x / 4);
    const act = {
      "+": () => viewer.zoomBy(1.5), "=": () => viewer.zoomBy(1.5), "-": () => viewer.zoomBy(1 / 1.5), 0: () => viewer.fit(),
      ArrowLeft: () => move(0.1, 0), ArrowRight: () => move(-0.1, 0), ArrowUp: () => move(0, 0.1), ArrowDown: () => move(0, -0.1),
      t: () => toggle("truth"), l: () => toggle("leak"), b: () => toggle("edges"), n: () => step(1), p: () => step(-1),
    }[event.key];
    if (!act || (viewer.zoom === 1 && /Up|Down/.test(event.key))) return;
    event.preventDefault();
    act();
  }

  for (const id of ["edges", "truth", "leak"]) byId(id).addEventListener("click", () => toggle(id));
  for (const id of ["image", "asked", "left", "right"]) byId(id).addEventListener("change", () => change({ [id]: byId(id).value }));
  for (const id of ["worst-method", "worst-metric"]) byId(id).addEventListener("change", order);
  byId("annotator").addEventListener("change", open);
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("zoom-in").addEventListener("click", () => viewer.zoomBy(1.5));
  byId("zoom-out").addEventListener("click", () => viewer.zoomBy(1 / 1.5));
  byId("zoom-fit").addEventListener("click", () => viewer.fit());
  byId("divider").addEventListener("input", () => viewer.setDivider(byId("divider").value / 1000));
  byId("canvas").addEventListener("keydown", onKey);
  gestures(byId("canvas"), viewer, divide);

  /* Nothing is loaded before the browser comes near, or a link asks for an image. */
  let near = false;
  const approach = () => {
    near = true;
    if (state.section) onSection();
  };
  new IntersectionObserver((seen, observer) => {
    if (!seen.some(each => each.isIntersecting)) return;
    observer.disconnect();
    if (!near) approach();
  }, { rootMargin: "600px" }).observe(byId("images"));
  on(["section"], () => { if (near) onSection(); });
  on(["image"], () => {
    byId("image").value = state.image;
    if (!near) approach();
    else if (current()) open();
  });
  on(["left"], () => { byId("left").value = byId("worst-method").value = state.left; });
  on(["right"], () => { byId("right").value = state.right; });
  on(["asked"], () => { byId("asked").value = state.asked; });
  on(["asked", "left", "right"], () => { if (current()) order(); });
})();
