"use strict";
/* Light, dark, or as the system has it; set before the first paint, kept where storage is allowed. */
(() => {
  const MODES = ["auto", "light", "dark"];
  const root = document.documentElement;
  const remembered = () => { try { return localStorage.getItem("ssnbench-theme"); } catch { return null; } };
  const remember = mode => { try { localStorage.setItem("ssnbench-theme", mode); } catch { /* a private window */ } };
  let mode = MODES.includes(remembered()) ? remembered() : "auto";
  root.dataset.theme = mode;
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const describe = () => { button.textContent = `theme: ${mode}`; };
    const repaint = () => root.dispatchEvent(new Event("themechange"));
    button.hidden = false;
    describe();
    button.addEventListener("click", () => {
      mode = MODES[(MODES.indexOf(mode) + 1) % MODES.length];
      root.dataset.theme = mode;
      remember(mode);
      describe();
      repaint();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  });
})();
