// What is made of a pixel and those around it, and of pixels that touch.

import { plane, rint } from "./pixels.js";

/** Which pixel of a side stands for one beyond its end. */
export const BORDERS = {
  replicate: (place, side) => Math.min(Math.max(place, 0), side - 1),
  reflect: (place, side) => mirrored(place, side, 1), // ba|abc|cb
  reflect101: (place, side) => mirrored(place, side, 0), // cb|abc|ba
};

function mirrored(place, side, doubled) {
  if (side === 1) return 0;
  while (place < 0 || place >= side) place = place < 0 ? -place - doubled : 2 * side - 2 - place + doubled;
  return place;
}

/** The mean of the square around each pixel, its side odd (cv2.blur). */
export function blurred(source, side, border = "reflect101") {
  const sums = boxSums(source.data, source.width, source.height, side, BORDERS[border], Int32Array);
  const result = plane(source.width, source.height);
  const half = (side * side) >> 1; // an odd number: no two are as near
  for (let i = 0; i < sums.length; i++) result.data[i] = ((sums[i] + half) / (side * side)) | 0;
  return result;
}

/** The sum of the square around each number; of whole numbers that of each is whole. */
export function boxSums(data, width, height, side, border, Sums = Float64Array) {
  const reach = side >> 1;
  const across = new Sums(width * height);
  const xs = Int32Array.from({ length: width + side }, (_, i) => border(i - reach, width));
  for (let y = 0; y < height; y++) {
    const start = y * width;
    let sum = 0;
    for (let i = 0; i < side; i++) sum += data[start + xs[i]];
    for (let x = 0; x < width; x++) {
      across[start + x] = sum;
      sum += data[start + xs[x + side]] - data[start + xs[x]];
    }
  }
  const sums = new Sums(width * height);
  const column = new Sums(width);
  for (let y = -reach; y <= reach; y++) {
    const start = border(y, height) * width;
    for (let x = 0; x < width; x++) column[x] += across[start + x];
  }
  for (let y = 0; y < height; y++) {
    sums.set(column, y * width);
    const come = border(y + reach + 1, height) * width;
    const gone = border(y - reach, height) * width;
    for (let x = 0; x < width; x++) column[x] += across[come + x] - across[gone + x];
  }
  return sums;
}

/** The median of the square around each pixel, its side odd. */
export function medianOfSquares(source, side, border) {
  const { width, height } = source;
  const reach = side >> 1;
  const result = plane(width, height);
  const xs = Int32Array.from({ length: width + side }, (_, i) => BORDERS[border](i - reach, width));
  const half = (side * side) >> 1;
  const counts = new Int32Array(256);
  const starts = new Int32Array(side);
  for (let y = 0; y < height; y++) {
    counts.fill(0);
    for (let j = 0; j < side; j++) {
      starts[j] = BORDERS[border](y + j - reach, height) * width;
      for (let i = 0; i < side; i++) counts[source.data[starts[j] + xs[i]]]++;
    }
    let level = 0;
    let below = 0; // how many are less than `level` (Huang, Yang and Tang 1979)
    for (let x = 0; x < width; x++) {
      while (below > half) below -= counts[--level];
      while (below + counts[level] <= half) below += counts[level++];
      result.data[y * width + x] = level;
      for (let j = 0; j < side; j++) {
        const gone = source.data[starts[j] + xs[x]];
        const come = source.data[starts[j] + xs[x + side]];
        counts[gone]--;
        counts[come]++;
        below += (come < level) - (gone < level);
      }
    }
  }
  return result;
}

/** The greatest level of the square around each pixel, its side odd; nothing counts beyond the rim (cv2.dilate). */
export function greatest(source, side) {
  const rows = new Array(side).fill(side >> 1);
  return extreme(source, rows, Math.max, 0);
}

/** A grey-scale closing with an ellipse in a square of a side: what is dark and narrower is filled. */
export function closed(source, side) {
  const reach = side >> 1;
  const rows = Array.from({ length: side }, (_, row) => {
    const y = row - reach;
    return rint(reach * Math.sqrt((reach * reach - y * y) / (reach * reach)));
  });
  return extreme(extreme(source, rows, Math.max, 0), rows, Math.min, 255);
}

/** The extreme over an element whose rows reach so far to either side. */
function extreme(source, rows, choose, least) {
  const { width, height, data } = source;
  const middle = rows.length >> 1;
  const result = plane(width, height);
  result.data.fill(least);
  const along = new Map(); // rows that reach as far look the same
  for (const reach of new Set(rows)) {
    const levels = new Uint8Array(data.length);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let level = least;
        const end = Math.min(x + reach, width - 1);
        for (let i = Math.max(x - reach, 0); i <= end; i++) level = choose(level, data[y * width + i]);
        levels[y * width + x] = level;
      }
    }
    along.set(reach, levels);
  }
  for (let row = 0; row < rows.length; row++) {
    const levels = along.get(rows[row]);
    for (let y = Math.max(0, middle - row); y < Math.min(height, height + middle - row); y++) {
      const from = (y + row - middle) * width;
      for (let x = 0; x < width; x++) {
        result.data[y * width + x] = choose(result.data[y * width + x], levels[from + x]);
      }
    }
  }
  return result;
}

/** Pixels that touch, of those that are not 0: { labels, parts }; a part is its box and area, labels count from 1. */
export function components({ width, height, data }, diagonally = true) {
  const labels = new Int32Array(data.length);
  const parents = [0];
  const rootOf = (label) => {
    while (parents[label] !== label) label = parents[label] = parents[parents[label]];
    return label;
  };
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (!data[i]) continue;
      let label = 0;
      const join = (other) => {
        if (!other) return;
        const root = rootOf(other);
        if (label && root !== label) parents[Math.max(root, label)] = label = Math.min(root, label);
        else label = root;
      };
      if (x) join(labels[i - 1]);
      if (y) {
        join(labels[i - width]);
        if (diagonally && x) join(labels[i - width - 1]);
        if (diagonally && x < width - 1) join(labels[i - width + 1]);
      }
      if (!label) parents.push((label = parents.length));
      labels[i] = label;
    }
  }
  const numbers = new Int32Array(parents.length);
  const parts = [];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (!labels[i]) continue;
      const root = rootOf(labels[i]);
      if (!numbers[root]) numbers[root] = parts.push({ x1: x, y1: y, x2: x, y2: y, area: 0 });
      labels[i] = numbers[root];
      const part = parts[labels[i] - 1];
      part.x1 = Math.min(part.x1, x);
      part.x2 = Math.max(part.x2, x + 1);
      part.y2 = y + 1;
      part.area++;
    }
  }
  return { labels, parts };
}

/** The box of all pixels for which something holds, [x1, y1, x2, y2]; null where there is none. */
export function boxWhere({ width, height }, holds) {
  const box = [width, height, 0, 0];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (!holds(i)) continue;
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x + 1);
      box[3] = y + 1;
    }
  }
  return box[2] ? box : null;
}
