"use strict";
/* Who does best, and the images on which a method does worst, as links that open them. */
ssnbench.worst = (() => {
  const { element, shown } = ssnbench;
  const MOST = 10;

  /* Scores of one image: by metric; null where there is none. */
  function scoresOf(scores, label, asked, image) {
    const [row, column, place] = [scores.labels.indexOf(label), scores.asked.indexOf(Number(asked)), scores.images.indexOf(image)];
    const value = metric => scores.metrics[metric]?.[row]?.[column]?.[place] ?? null;
    return value;
  }

  /* Images from the worst to the best, as [key, value]; those without a score come last. */
  function ranked(scores, metric, label, asked, keys) {
    const sign = metric.better === "lower" ? -1 : 1;
    const pairs = keys.map(key => [key, scoresOf(scores, label, asked, key)(metric.name)]);
    const none = pairs.filter(pair => pair[1] === null);
    return [...pairs.filter(pair => pair[1] !== null).sort((a, b) => sign * (a[1] - b[1])), ...none];
  }

  /* Methods from the best mean over images to the worst; those without a score come last. */
  function methods(scores, metric, labels, asked) {
    if (!metric) return labels;
    const sign = metric.better === "lower" ? -1 : 1;
    const mean = label => {
      const values = scores.images.map(image => scoresOf(scores, label, asked, image)(metric.name)).filter(value => value !== null);
      return values.length ? sign * values.reduce((sum, value) => sum + value, 0) / values.length : -Infinity;
    };
    const means = new Map(labels.map(label => [label, mean(label)]));
    return [...labels].sort((a, b) => means.get(b) - means.get(a) || labels.indexOf(a) - labels.indexOf(b));
  }

  function link(state, key, label, asked) {
    return `#${new URLSearchParams({ section: state.section, image: key, asked, left: label })}`;
  }

  /* Fill the list. */
  function list(place, pairs, state, label, asked) {
    place.replaceChildren(...pairs.filter(pair => pair[1] !== null).slice(0, MOST).map(([key, value]) =>
      element("li", {}, element("a", { href: link(state, key, label, asked), ...(key === state.image ? { "aria-current": "true" } : {}) }, element("span", {}, key), element("span", { class: "value" }, shown(value))))));
    if (!place.children.length) place.append(element("li", {}, "No scores by this metric at this count."));
  }

  return { scoresOf, ranked, methods, list };
})();
