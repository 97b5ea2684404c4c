"use strict";
/* Tables: sorted by a press on a heading, one group of rows at a time. */
(() => {
  const { element, byId } = ssnbench;

  const key = (row, column) => {
    const { dataset } = row.cells[column];
    return "value" in dataset ? Number(dataset.value) : null;
  };

  /* Numbers by value, then what has none by its text; missing ones come last either way. */
  function compare(a, b, column, sign) {
    const [x, y] = [key(a, column), key(b, column)];
    if (x !== null && y !== null) return sign * (x - y);
    if (x !== null || y !== null) return x === null ? 1 : -1;
    return sign * a.cells[column].textContent.localeCompare(b.cells[column].textContent);
  }

  function sort(table, column) {
    const heads = [...table.tHead.rows[0].cells];
    const number = heads[column].classList.contains("number");
    const before = heads[column].getAttribute("aria-sort");
    const order = before ? (before === "descending" ? "ascending" : "descending") : number ? "descending" : "ascending";
    for (const head of heads) head.removeAttribute("aria-sort");
    heads[column].setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const [body] = table.tBodies;
    body.append(...[...body.rows].sort((a, b) => compare(a, b, column, sign)));
  }

  for (const table of document.querySelectorAll("table")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = element("button", { type: "button" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sort(table, column));
    });
  }

  function choose(choices, group) {
    for (const button of choices.children) button.setAttribute("aria-pressed", button.dataset.group === group);
    for (const row of choices.parentElement.querySelectorAll("tbody tr")) row.hidden = group !== "" && row.dataset.group !== group;
  }

  for (const choices of document.querySelectorAll(".choices")) {
    choices.hidden = false;
    choose(choices, choices.dataset.shown);
    choices.addEventListener("click", event => {
      const button = event.target.closest("button");
      if (button) choose(choices, button.dataset.group);
    });
  }

  byId("copy")?.addEventListener("click", () => {
    getSelection().selectAllChildren(byId("bibtex"));
    document.execCommand("copy"); // works for pages from a disk, where navigator.clipboard is not there
  });
})();
