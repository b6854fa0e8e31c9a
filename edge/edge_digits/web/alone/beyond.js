// Whether what a box holds is a whole figure, or a part of a larger one; as find/beyond.py.

import { components } from "./filters.js";
import { cut, mapped, rint } from "./pixels.js";

const STROKE = 110;
const ROOM = 0.35;
const RIM = 0.04;
const MUCH = 0.15;

/** How much there is outside of a box of the strokes in it: a share of what is inside, 1 at most. */
export function beyond(contrast, [x1, y1, x2, y2]) {
  const longer = Math.max(x2 - x1, y2 - y1);
  const [room, rim] = [ROOM * longer, RIM * longer];
  const [left, top] = [Math.max(0, rint(x1 - room)), Math.max(0, rint(y1 - room))];
  const part = cut(contrast, left, top, Math.max(0, rint(x2 + room)), Math.max(0, rint(y2 + room)));
  if (!part.data.length) return 0;
  const { labels, parts } = components(mapped(part, (level) => Number(level >= STROKE)));
  const within = new Uint32Array(parts.length + 1);
  const right = Math.min(rint(x2 + rim) - left, part.width);
  const bottom = Math.min(rint(y2 + rim) - top, part.height);
  for (let y = Math.max(0, rint(y1 - rim) - top); y < bottom; y++) {
    for (let x = Math.max(0, rint(x1 - rim) - left); x < right; x++) within[labels[y * part.width + x]]++;
  }
  const strokes = within.subarray(1).reduce((sum, count) => sum + count, 0);
  if (!strokes) return 0;
  const outside = parts.map(({ area }, i) => (within[i + 1] > MUCH * strokes ? area - within[i + 1] : 0));
  return Math.min(outside.reduce((sum, count) => sum + count, 0) / strokes, 1);
}
