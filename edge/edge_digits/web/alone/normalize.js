// What the classifier sees of a place in a scene; as `window` of normalize.py.

import { plane, rint } from "./pixels.js";
import { resizedByArea, resizedLinearly } from "./resize.js";

export const SIDE = 28;
const BOX = 20;

/** The box, x1, y1, x2, y2 in pixels of the scene's local contrast, with its surroundings left in: 28 x 28 levels. */
export function windowOf(contrast, [x1, y1, x2, y2]) {
  const side = Math.max(rint((Math.max(x2 - x1, y2 - y1) * SIDE) / BOX), 4);
  const left = rint((x1 + x2 - side) / 2);
  const top = rint((y1 + y2 - side) / 2);
  const part = plane(side, side);
  const first = Math.max(left, 0);
  const last = Math.min(left + side, contrast.width);
  for (let y = Math.max(top, 0); y < Math.min(top + side, contrast.height) && first < last; y++) {
    const row = contrast.data.subarray(y * contrast.width + first, y * contrast.width + last);
    part.data.set(row, (y - top) * side + first - left);
  }
  return (side > SIDE ? resizedByArea : resizedLinearly)(part, SIDE, SIDE).data;
}
