"use strict";
/* Figures for print: put in when their fold is opened; a curve stands out when it is pointed at. */
(() => {
  const { load } = ssnbench;

  async function unfold(fold) {
    const places = fold.querySelectorAll("[data-drawing], [data-print]");
    if (!fold.open || !places.length) return;
    const values = await load(fold.dataset.source);
    for (const place of places) {
      if ("print" in place.dataset) place.src = values[place.dataset.print];
      else place.innerHTML = values[place.dataset.drawing]; // our own drawing, escaped by matplotlib
      delete place.dataset.drawing;
      delete place.dataset.print;
    }
  }

  for (const fold of document.querySelectorAll("details[data-source]")) fold.addEventListener("toggle", () => unfold(fold));

  const named = element => element.closest?.('g[id*="-method"]')?.id.match(/-method\d+/)[0];
  for (const drawing of document.querySelectorAll(".drawing")) {
    const pick = name => {
      drawing.classList.toggle("picking", Boolean(name));
      for (const g of drawing.querySelectorAll('g[id*="-method"]')) g.classList.toggle("picked", named(g) === name);
    };
    drawing.addEventListener("pointerover", event => pick(named(event.target)));
    drawing.addEventListener("pointerleave", () => pick());
  }

  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details")) fold.open = true;
  });
})();
