// A ring of paper around a crop that its ink fills; as imaging/ring.py.

import { components } from "./filters.js";
import { inkOf } from "./ink.js";
import { TINY_SIDE, mapped, rint } from "./pixels.js";
import { padded } from "./resize.js";

const FILLED = 0.25;
const RING = 0.25;
const SIDES = 2;
const RIM = 0.15;
const INNER_SHARE = 0.12;
const BAR_ASPECT = 2.5;
const BAR_CONTRAST = 40;
const BAR_ROWS = 0.9;

/** A crop that its ink fills with a ring of its own paper, and the ring's width; others as they are, and 0.
 *
 * `opposite` as of inkOf: which is which cannot always be told of such a crop. Of a bar it can.
 */
export function withRing(gray, opposite = false) {
  const longer = Math.max(gray.width, gray.height);
  const width = Math.max(2, rint(RING * longer));
  const sides = [width, width, width, width];
  const beside = besideBar(gray);
  if (beside !== null) return opposite ? [gray, 0] : [padded(gray, sides, beside), width];
  const { mask, paper } = inkOf(gray, opposite);
  const inked = mask.data.reduce((sum, inkHere) => sum + inkHere, 0);
  if (inked < FILLED * mask.data.length || !(longer <= TINY_SIDE || isTight(mask))) return [gray, 0];
  const ringed = padded(paper, sides);
  for (let y = 0; y < gray.height; y++) {
    const row = gray.data.subarray(y * gray.width, (y + 1) * gray.width);
    ringed.data.set(row, (y + width) * ringed.width + width);
  }
  return [ringed, width];
}

/** Whether a picture is cut at the ink of the one thing that it shows; of a mask of 0 and 1. */
export function isTight(mask) {
  const { labels, parts } = components(mask);
  if (!parts.length) return false;
  const { width, height } = mask;
  const largest = parts.reduce((best, part) => (part.area > best.area ? part : best));
  const touched = (largest.x1 <= 1) + (largest.y1 <= 1) + (largest.x2 >= width - 1) + (largest.y2 >= height - 1);
  if (touched < SIDES) return false;
  const label = parts.indexOf(largest) + 1;
  const down = rint(RIM * height);
  const across = rint(RIM * width);
  let inner = 0;
  for (let y = down; y < height - down; y++) {
    for (let x = across; x < width - across; x++) inner += labels[y * width + x] === label;
  }
  return inner >= INNER_SHARE * largest.area;
}

/** Whether a picture is cut at a bar, as at a one without flag and foot, and shows nothing else. */
export function isBar(gray) {
  return besideBar(gray) !== null;
}

/** The level of the paper, if a bar fills the picture: what is most of it is ink, with paper at its sides; or null. */
function besideBar(gray) {
  const { width, height, data } = gray;
  if (width < 2 || height < BAR_ASPECT * width) return null;
  const darkest = data.reduce((least, level) => Math.min(least, level), 255);
  const lightest = data.reduce((most, level) => Math.max(most, level), 0);
  if (lightest - darkest < BAR_CONTRAST) return null;
  const light = mapped(gray, (level) => Number(level > (darkest + lightest) / 2));
  for (const [ink, paper] of [[1, darkest], [0, lightest]]) {
    let share = 0;
    let whole = 0; // rows in which the ink is in one piece
    for (let y = 0; y < height; y++) {
      const row = light.data.subarray(y * width, (y + 1) * width).map((own) => Number(own === ink));
      share += row.reduce((sum, own) => sum + own, 0);
      whole += row.reduce((pieces, own, x) => pieces + Number(own && !row[x - 1]), 0) === 1;
    }
    if (2 * share >= data.length && whole >= BAR_ROWS * height) return paper;
  }
  return null;
}
