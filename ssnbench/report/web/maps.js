"use strict";
/* Label maps: unpacked, outlined, and held against a truth. */
ssnbench.maps = (() => {
  /* Undo ssnbench.packing.pack: height, width, then deflated steps from row to row (int32). */
  async function unpack(base64) {
    const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
    const [height, width] = new Uint32Array(bytes.buffer, 0, 2);
    const stream = new Blob([bytes.subarray(8)]).stream().pipeThrough(new DecompressionStream("deflate"));
    const labels = new Int32Array(await new Response(stream).arrayBuffer());
    for (let i = width; i < labels.length; i++) labels[i] += labels[i - width];
    return { height, width, labels };
  }

  /* The lines between unlike neighbours, along the edges of pixels, as a Path2D. */
  function outline({ height, width, labels }) {
    const path = new Path2D();
    const trace = (lines, length, at, below, line) => {
      for (let y = 1; y < lines; y++) {
        let begun = -1;
        for (let x = 0; x <= length; x++) {
          const differs = x < length && labels[at(x, y)] !== labels[at(x, y) - below];
          if (differs && begun < 0) begun = x;
          if (!differs && begun >= 0) {
            line(begun, x, y);
            begun = -1;
          }
        }
      }
    };
    trace(height, width, (x, y) => y * width + x, width, (from, to, y) => { path.moveTo(from, y); path.lineTo(to, y); });
    trace(width, height, (x, y) => x * width + y, 1, (from, to, x) => { path.moveTo(x, from); path.lineTo(x, to); });
    return path;
  }

  const highest = labels => labels.reduce((most, label) => Math.max(most, label), -1);

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
