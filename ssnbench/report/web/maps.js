"use strict";
/* Label maps: unpacked, outlined, and held against a truth. */
ssnbench.maps = (() => {
  /* Undo ssnbench.packing.pack: height, width, then deflated steps from row to row (int32). */
  async function unpack(base64) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
    const [height, width] = new Uint32Array(bytes.buffer, 0, 2);
    const stream = new Blob([bytes.subarray(8)]).stream().pipeThrough(new DecompressionStream("deflate"));
    const labels = new Int32Array(await new Response(stream).arrayBuffer());
    for (let i = width; i < labels.length; i++) labels[i] += labels[i - width];
    return { height, width, labels };
  }

  /* The lines between unlike neighbours, along the edges of pixels, as a Path2D of long strokes. */
  function outline({ height, width, labels }) {
    const path = new Path2D();
    const line = (x, y, toX, toY) => { path.moveTo(x, y); path.lineTo(toX, toY); };
    const begun = new Int32Array(width).fill(-1); // where the line to the left of a column began
    for (let y = 0, i = 0; y < height; y++) {
      let from = -1; // where the line above this row began
      for (let x = 0; x < width; x++, i++) {
        const label = labels[i];
        const above = y > 0 && label !== labels[i - width];
        if (above !== from >= 0) {
          if (!above) line(from, y, x, y);
          from = above ? x : -1;
        }
        const beside = x > 0 && label !== labels[i - 1];
        if (beside !== begun[x] >= 0) {
          if (!beside) line(x, begun[x], x, y);
          begun[x] = beside ? y : -1;
        }
      }
      if (from >= 0) line(from, y, width, y);
    }
    begun.forEach((from, x) => { if (from >= 0) line(x, from, x, height); });
    return path;
  }

  function highest(labels) {
    let most = -1;
    for (let i = 0; i < labels.length; i++) if (labels[i] > most) most = labels[i];
    return most;
  }

  /* Which pixels lie outside the truth segment that their superpixel overlaps most.
     Pixels on which the truth has no opinion (-1) count nowhere. */
  function leakage(map, truth) {
    const nTruth = highest(truth.labels) + 1;
    const nMap = highest(map.labels) + 1;
    const overlaps = new Int32Array(nMap * nTruth);
    let judged = 0;
    for (let i = 0; i < map.labels.length; i++) {
      if (truth.labels[i] < 0) continue;
      overlaps[map.labels[i] * nTruth + truth.labels[i]]++;
      judged++;
    }
    const home = new Int32Array(nMap);
    for (let label = 0; label < nMap; label++) {
      const row = overlaps.subarray(label * nTruth, (label + 1) * nTruth);
      home[label] = row.indexOf(highest(row));
    }
    const outside = new Uint8Array(map.labels.length);
    let leaked = 0;
    for (let i = 0; i < outside.length; i++) {
      if (truth.labels[i] < 0 || truth.labels[i] === home[map.labels[i]]) continue;
      outside[i] = 1;
      leaked++;
    }
    return { outside, share: judged ? leaked / judged : null };
  }

  /* A mask as a canvas of one colour, clear elsewhere. */
  function layer(mask, { height, width }, [red, green, blue, alpha]) {
    const canvas = new OffscreenCanvas(width, height);
    const ctx = canvas.getContext("2d");
    const image = ctx.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const colour = ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0; // little-endian, as all are
    for (let i = 0; i < mask.length; i++) if (mask[i]) pixels[i] = colour;
    ctx.putImageData(image, 0, 0);
    return canvas;
  }

  return { unpack, outline, leakage, layer };
})();
