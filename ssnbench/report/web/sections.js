"use strict";
/* Which dataset and protocol the page shows; begins everything that draws. */
ssnbench.sections = (() => {
  const { load, state, change, on, byId, fill, asked } = ssnbench;
  let all = [];

  const current = () => all.find(section => section.slug === state.section);

  function show() {
    for (const part of document.querySelectorAll(".of-section")) part.hidden = part.dataset.section !== state.section;
    const here = current();
    if (!byId("data")) return;
    const data = [...new Set(all.map(section => section.data))];
    fill(byId("data"), data.map(name => [name, name]), here.data);
    const protocols = all.filter(section => section.data === here.data);
    fill(byId("protocol"), protocols.map(section => [section.slug, section.protocol]), here.slug);
    byId("data").parentElement.hidden = data.length === 1;
    byId("protocol").parentElement.hidden = protocols.length === 1;
  }

  /* Choose the same protocol on another dataset, where it is there. */
  function onData() {
    const there = all.filter(section => section.data === byId("data").value);
    change({ section: (there.find(section => section.protocol === current().protocol) ?? there[0]).slug });
  }

  /* A link such as #section=...&metric=... sets the state; it may be sent to others. */
  function follow() {
    const wanted = asked();
    if (!wanted.size) return;
    const patch = Object.fromEntries([...wanted].filter(([key]) => ["section", "metric", "image", "asked", "left", "right"].includes(key)));
    if (!all.some(section => section.slug === patch.section)) delete patch.section;
    if (patch.section) change({ section: patch.section });
    change(patch);
    byId(wanted.has("image") ? "images" : "curves").scrollIntoView();
  }

  async function begin() {
    all = (await load("report")).sections;
    for (const part of document.querySelectorAll(".needs-script")) part.hidden = false;
    byId("data")?.addEventListener("change", onData);
    byId("protocol")?.addEventListener("change", () => change({ section: byId("protocol").value }));
    on(["section"], show);
    if (all.length) change({ section: all[0].slug });
    follow();
    addEventListener("hashchange", follow);
    document.addEventListener("click", event => { // the same link again changes no hash
      if (event.target.closest("a")?.hash === location.hash) follow();
    });
  }

  addEventListener("DOMContentLoaded", begin);
  return { current };
})();
