// The pieces of ink around a box: whether what it holds is whole, or a part of a larger figure; as find/pieces.py.

import { components } from "./filters.js";
import { cut, mapped, rint } from "./pixels.js";

const STROKE = 110;
const ROOM = 0.35;
const RIM = 0.04;
const MUCH = 0.15;

/** What is in one piece each: { left, top, part, labels, whole, within }, pixels of each and those in the box. */
export function piecesAround(contrast, [x1, y1, x2, y2], stroke, room, rim = 0) {
  const longer = Math.max(x2 - x1, y2 - y1);
  [room, rim] = [room * longer, rim * longer];
  const [left, top] = [Math.max(0, rint(x1 - room)), Math.max(0, rint(y1 - room))];
  const part = cut(contrast, left, top, Math.max(0, rint(x2 + room)), Math.max(0, rint(y2 + room)));
  const { labels, parts } = components(mapped(part, (level) => Number(level >= stroke)));
  const within = new Uint32Array(parts.length + 1);
  const right = Math.min(rint(x2 + rim) - left, part.width);
  const bottom = Math.min(rint(y2 + rim) - top, part.height);
  for (let y = Math.max(0, rint(y1 - rim) - top); y < bottom; y++) {
    for (let x = Math.max(0, rint(x1 - rim) - left); x < right; x++) within[labels[y * part.width + x]]++;
  }
  return { left, top, part, labels, whole: parts.map(({ area }) => area), within: Array.from(within.subarray(1)) };
}

/** How much there is outside of a box of the strokes in it: a share of what is inside, 1 at most. */
export function beyond(contrast, box) {
  const { whole, within } = piecesAround(contrast, box, STROKE, ROOM, RIM);
  const strokes = within.reduce((sum, count) => sum + count, 0);
  if (!strokes) return 0;
  const outside = whole.map((area, i) => (within[i] > MUCH * strokes ? area - within[i] : 0));
  return Math.min(outside.reduce((sum, count) => sum + count, 0) / strokes, 1);
}
