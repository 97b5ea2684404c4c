"use strict";
/* Pointer and wheel on the viewer: drag the divider or the picture, pinch or scroll to zoom. */
ssnbench.gestures = (canvas, viewer, onDivider) => {
  const NEAR = 28; // pixels from the divider at which it is taken
  const pointers = new Map();
  let drags = ""; // "divider" or "picture"
  let spread = 0;

  const share = event => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  const apart = () => {
    const [a, b] = [...pointers.values()];
    return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  };

  canvas.addEventListener("pointerdown", event => {
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event);
    if (pointers.size === 2) spread = apart();
    const near = Math.abs(share(event)[0] - viewer.divider) * canvas.clientWidth < NEAR;
    drags = near || viewer.zoom === 1 ? "divider" : "picture";
    if (drags === "divider" && pointers.size === 1) onDivider(share(event)[0]);
  });

  canvas.addEventListener("pointermove", event => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    pointers.set(event.pointerId, event);
    if (pointers.size === 2) {
      const now = apart();
      viewer.zoomBy(now / spread, share(event));
      spread = now;
    } else if (drags === "divider") onDivider(share(event)[0]);
    else viewer.moveBy((event.clientX - before.clientX) / canvas.clientWidth, (event.clientY - before.clientY) / canvas.clientHeight);
  });

  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, event => pointers.delete(event.pointerId));

  // Without focus the wheel scrolls the page, as everywhere else.
  canvas.addEventListener("wheel", event => {
    if (document.activeElement !== canvas && !event.ctrlKey) return;
    event.preventDefault();
    viewer.zoomBy(Math.exp(-event.deltaY / 400), share(event));
  }, { passive: false });
};
