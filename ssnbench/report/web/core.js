"use strict";
/* What the other scripts share: data that come on demand, the state of the page, small helpers. */
const ssnbench = (() => {
  const MOST_KEPT = 80; // values; the oldest are dropped, so that long browsing stays light
  const place = document.documentElement.dataset.files;
  const slots = new Map();
  const takers = new Map();

  function fetched(name) {
    const block = document.querySelector(`script[data-name="${name}"]`);
    if (block) return Promise.resolve(JSON.parse(block.textContent));
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      takers.set(name, resolve);
      script.src = `${place}/${name}.js`;
      script.onload = () => script.remove();
      script.onerror = () => {
        slots.delete(name);
        reject(new Error(`${script.src} is missing: the page needs the folder beside it`));
      };
      document.head.append(script);
    });
  }

  /* Return a promise of a value that the report wrote under this name. */
  function load(name) {
    if (!slots.has(name)) {
      slots.set(name, fetched(name));
      if (slots.size > MOST_KEPT) slots.delete(slots.keys().next().value);
    }
    return slots.get(name);
  }

  /* Scripts of data call this. */
  function give(name, value) {
    takers.get(name)?.(value);
    takers.delete(name);
  }

  const state = {};
  const listeners = [];

  /* Change the state, and tell those who listen to one of the changed keys. */
  function change(patch) {
    const changed = Object.keys(patch).filter(key => state[key] !== patch[key]);
    Object.assign(state, patch);
    for (const [keys, listener] of listeners) if (keys.some(key => changed.includes(key))) listener();
  }

  const on = (keys, listener) => listeners.push([keys, listener]);
  const byId = id => document.getElementById(id);

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  /* Fill a select with [value, text] pairs. */
  function fill(select, pairs, chosen) {
    select.replaceChildren(...pairs.map(([value, text]) => element("option", { value }, text)));
    select.value = chosen;
    if (select.selectedIndex < 0) select.selectedIndex = 0;
  }

  /* A colour of the style sheet as it is now, light or dark; canvases know no variables. */
  function tone(name) {
    const probe = document.body.appendChild(element("i"));
    probe.style.color = `var(--${name})`;
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  }

  const shown = value => value === null || value === undefined ? "—" : Math.abs(value) < 10 ? value.toFixed(4) : value.toFixed(2);

  /* What stands behind # as key=value; empty for the name of a place. */
  const asked = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");

  return { load, give, state, change, on, byId, element, fill, tone, shown, asked };
})();
