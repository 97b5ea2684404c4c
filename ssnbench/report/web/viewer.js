"use strict";
/* A picture on a canvas with two methods side by side of a divider; zoomed, moved, never blurred. */
ssnbench.Viewer = class {
  static MOST = 24; // times

  constructor(canvas, onView) {
    this.canvas = canvas;
    this.onView = onView;
    this.scene = null; // { key, picture, width, height, ink, truth, sides: [{ outline, leak }, ...] }; what is drawn is called for
    this.show = { edges: true, truth: false, leak: false };
    this.divider = 0.5;
    this.zoom = 1;
    this.centre = [0.5, 0.5];
    this.pending = false;
    this.layers = null;
    new ResizeObserver(() => this.redraw()).observe(canvas);
  }

  set(scene) {
    const another = !this.scene || this.scene.key !== scene.key;
    this.scene = scene;
    this.canvas.style.aspectRatio = `${scene.width} / ${scene.height}`;
    this.canvas.style.setProperty("--ratio", scene.width / scene.height);
    if (another) this.fit();
    else this.redraw();
  }

  /* All that a side shows is drawn once for a view; moving the divider only composes. */
  redraw() {
    this.layers = null;
    this.compose();
  }

  compose() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      if (this.scene && this.canvas.clientWidth) this.paint();
    });
  }

  setDivider(share) {
    this.divider = Math.min(Math.max(share, 0), 1);
    this.compose();
  }

  fit() {
    this.zoom = 1;
    this.centre = [0.5, 0.5];
    this.viewed();
  }

  /* Zoom by a factor about a point of the canvas, given as shares of its sides. */
  zoomBy(factor, [x, y] = [0.5, 0.5]) {
    const zoom = Math.min(Math.max(this.zoom * factor, 1), this.constructor.MOST);
    const still = this.centre.map((at, axis) => at + ([x, y][axis] - 0.5) / this.zoom);
    this.centre = still.map((at, axis) => at - ([x, y][axis] - 0.5) / zoom);
    this.zoom = zoom;
    this.viewed();
  }

  /* Move the picture by shares of the canvas. */
  moveBy(x, y) {
    this.centre = [this.centre[0] - x / this.zoom, this.centre[1] - y / this.zoom];
    this.viewed();
  }

  viewed() {
    const half = 0.5 / this.zoom;
    this.centre = this.centre.map(at => Math.min(Math.max(at, half), 1 - half));
    this.redraw();
    this.onView(this.zoom);
  }

  paint() {
    const { canvas } = this;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      this.layers = null;
    }
    this.layers ??= this.scene.sides.map(side => this.drawn(side, width, height, ratio));
    const ctx = canvas.getContext("2d");
    const at = Math.round(this.divider * width);
    ctx.drawImage(this.layers[0], 0, 0);
    if (at < width) ctx.drawImage(this.layers[1], at, 0, width - at, height, at, 0, width - at, height);
    for (const [colour, wide] of [["rgb(0 0 0 / .6)", 4], ["#fff", 2]]) {
      ctx.fillStyle = colour;
      ctx.fillRect(at - (wide * ratio) / 2, 0, wide * ratio, height);
    }
  }

  drawn(side, width, height, ratio) {
    const { scene, show } = this;
    const made = new OffscreenCanvas(width, height);
    const ctx = made.getContext("2d");
    const scale = (width / scene.width) * this.zoom;
    ctx.setTransform(scale, 0, 0, scale, width / 2 - this.centre[0] * scene.width * scale, height / 2 - this.centre[1] * scene.height * scale);
    ctx.imageSmoothingEnabled = scale < 2; // larger, pixels should be seen as what they are
    ctx.fillStyle = "#808890";
    ctx.fillRect(0, 0, scene.width, scene.height);
    if (scene.picture) ctx.drawImage(scene.picture, 0, 0, scene.width, scene.height);
    if (show.leak && side?.leak) ctx.drawImage(side.leak(), 0, 0);
    // Lines grow with the pixels, within bounds: a small picture of many superpixels stays legible.
    const stroke = (path, colour, share, least, most) => {
      ctx.strokeStyle = colour;
      ctx.lineWidth = Math.min(Math.max(share, (least * ratio) / scale), (most * ratio) / scale);
      ctx.stroke(path);
    };
    ctx.lineCap = "square";
    if (show.edges && side?.outline) stroke(side.outline(), scene.ink, 0.5, 0.4, 1.6);
    if (show.truth && scene.truth) {
      stroke(scene.truth(), "rgb(0 0 0 / .75)", 2.2, 2, 4.5);
      stroke(scene.truth(), "#fff", 1.1, 1, 2.2);
    }
    return made;
  }
};
