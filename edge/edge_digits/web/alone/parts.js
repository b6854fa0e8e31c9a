// The parts of a plane that hold ink: all that a network is shown of it; as find/parts.py.

import { components } from "./filters.js";
import { INPUT_MULTIPLE } from "./heatmap.js";
import { cut, plane, rint } from "./pixels.js";
import { padded } from "./resize.js";

const BLOCK = 32;
const MIN_INKED = 8;
const NO_MORE = 4;
const MARGIN = 0.15;

/** Rectangles that hold ink of at least `inked` outside of sure boxes: { x, y, part }, of sides that the network takes. */
export function inkedParts(level, sure, inked) {
  const { width, height } = level;
  const whole = inBlocks(level);
  const blocks = inkedBlocks(whole, sure, inked, MIN_INKED);
  return components(around(blocks), false).parts.map((part) => {
    const [x1, y1] = [part.x1 * BLOCK, part.y1 * BLOCK];
    const x2 = stepped(x1, Math.min(part.x2 * BLOCK, width));
    const y2 = stepped(y1, Math.min(part.y2 * BLOCK, height));
    return { x: x1, y: y1, part: cut(whole, x1, y1, x2, y2) };
  });
}

/** Whether next to no ink is outside of the sure boxes. */
export function isExplained(level, sure, inked) {
  return inkedBlocks(inBlocks(level), sure, inked, NO_MORE).data.every((block) => !block);
}

/** The levels of what is outside of boxes and next to none of them; 0 elsewhere. */
export function unexplained({ width, height, data }, boxes) {
  const rest = boxes.length ? data.slice() : data;
  for (const [x1, y1, x2, y2] of boxes) {
    const room = MARGIN * (y2 - y1) + 1;
    const [left, right] = [Math.max(0, Math.trunc(x1 - room)), Math.min(width, Math.trunc(x2 + room) + 1)];
    const bottom = Math.min(height, Math.trunc(y2 + room) + 1);
    for (let y = Math.max(0, Math.trunc(y1 - room)); y < bottom; y++) {
      if (left < right) rest.fill(0, y * width + left, y * width + right);
    }
  }
  return rest;
}

/** With paper to the right and below, so that it consists of whole blocks. */
function inBlocks(level) {
  const more = (side) => (BLOCK - (side % BLOCK)) % BLOCK;
  return padded(level, [0, 0, more(level.width), more(level.height)], 0);
}

/** Which blocks hold more than `least` pixels of ink outside of the sure boxes. */
function inkedBlocks(whole, sure, inked, least) {
  const { width, height } = whole;
  const rest = unexplained(whole, sure);
  const blocks = plane(width / BLOCK, height / BLOCK);
  const counts = new Uint32Array(blocks.data.length);
  for (let y = 0, i = 0; y < height; y++) {
    const row = Math.floor(y / BLOCK) * blocks.width;
    for (let x = 0; x < width; x++, i++) if (rest[i] >= inked) counts[row + (x >> 5)]++;
  }
  // Compared as the runner does, as means of blocks that are rounded.
  const share = (count) => rint((255 * count) / BLOCK ** 2);
  counts.forEach((count, i) => (blocks.data[i] = Number(share(count) > (255 * least) / BLOCK ** 2)));
  return blocks;
}

/** Blocks, and those beside them. */
function around({ width, height, data }) {
  const result = plane(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!data[y * width + x]) continue;
      for (let j = Math.max(y - 1, 0); j <= Math.min(y + 1, height - 1); j++) {
        result.data.fill(1, j * width + Math.max(x - 1, 0), j * width + Math.min(x + 1, width - 1) + 1);
      }
    }
  }
  return result;
}

function stepped(first, last) {
  return first + Math.ceil((last - first) / INPUT_MULTIPLE) * INPUT_MULTIPLE;
}
