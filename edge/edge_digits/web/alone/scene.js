// Digits and signs of a scene: a network looks at its local contrast at several scales; as find/scene.py.

import { best, DIGIT_COUNT } from "./characters.js";
import { localContrast } from "./contrast.js";
import { DIGIT_HEIGHTS, findPeaks } from "./heatmap.js";
import { MIN_PAPER } from "./ink.js";
import { inkedParts, isExplained } from "./parts.js";
import { cut, mapped, rint } from "./pixels.js";
import { padded, resized } from "./resize.js";
import { isTight } from "./ring.js";

export const MIN_LOGIT = -1.8;
const WORK_SIDE = 960;
const STRIP_PIXELS = 480_000;
const LONGEST_STRIP = 2400;
const STEP = 0.7;
const LOWEST_PICTURE = 22;
const STRIP_SIDE = 360;
const STRIP_SCALE = 1.3;
const LOW_STRIP = 40;
const TINY_SIDE = 48;
const TINY_SCALED = 48;
const RING = 8;
export const INKED = 90;
const SURE_LOGIT = 1.5;
const SURE_HEIGHT = 22;
const BUDGET = 1_300_000;
const LOWEST = 0.72 * DIGIT_HEIGHTS[0];
const HIGHEST = 1.3 * DIGIT_HEIGHTS[1];
const FAINTEST = 17;
const INK_PERCENTILE = 95;
const AROUND = 0.15;
const MAX_IOU = 0.45;
const MAX_COVERED = 0.65;
const SAME_MIDDLE = [0.16, 0.3];

/** The characters of a picture: finds, each { box, logits, scale }; a scale is { factor, picture, contrast }.
 *
 * `maps` gives the cells of a plane (heatmap.js); `factors` are the scales to look at, from fine to coarse.
 */
export async function findCharacters(picture, maps, factors = []) {
  const { width, height } = picture[0];
  const finds = [];
  const sure = [];
  const halves = [picture];
  let left = BUDGET;
  let ring; // the level that a picture goes on with beyond its rim; undefined before it is known
  for (const factor of (factors.length ? [...factors] : scalesOf(height, width)).reverse()) {
    const pixels = scaled(halves, factor);
    const contrast = localContrast(pixels);
    const scale = { factor, picture: pixels, contrast };
    // Lines go on beyond the rim; a digit that fills the picture ends there.
    if (ring === undefined) ring = isTight(mapped(contrast, (level) => Number(level >= INKED))) ? 0 : null;
    const ringed = padded(contrast, [RING, RING, RING, RING], ring);
    const known = () => sure.map((box) => box.map((side) => side * factor + RING));
    for (const { x, y, part } of inkedParts(ringed, known(), INKED)) {
      if (part.data.length > left) continue;
      left -= part.data.length;
      for (const peak of findPeaks(await maps(part), MIN_LOGIT)) {
        const box = [
          (peak.x - peak.width / 2 + x - RING) / factor,
          (peak.y - peak.height / 2 + y - RING) / factor,
          (peak.x + peak.width / 2 + x - RING) / factor,
          (peak.y + peak.height / 2 + y - RING) / factor,
        ].map(Math.fround);
        const { place, value } = best(peak.logits);
        const isDigit = place < DIGIT_COUNT;
        const tall = Math.max(peak.height, 0.6 * peak.width);
        // The size of a sign tells nothing of the scale.
        if (!isDigit || (tall >= LOWEST && tall <= HIGHEST)) finds.push({ box, logits: peak.logits, scale });
        if (isDigit && value >= SURE_LOGIT && tall >= SURE_HEIGHT && tall <= HIGHEST) sure.push(box);
      }
    }
    if (sure.length && isExplained(ringed, known(), INKED)) break;
  }
  return suppressed(finds).filter((find) => strength(find) >= FAINTEST);
}

/** The longer side at which a picture is searched at most. */
export function workingSide(height, width) {
  const strip = Math.sqrt((STRIP_PIXELS * Math.max(height, width)) / Math.min(height, width));
  return Math.max(WORK_SIDE, Math.min(strip, LONGEST_STRIP));
}

/** The scales to look at, from fine to coarse. */
export function scalesOf(height, width) {
  const longer = Math.max(height, width);
  if (longer <= TINY_SIDE) return [TINY_SCALED / longer];
  let factor = Math.min(1, workingSide(height, width) / longer);
  if (longer <= STRIP_SIDE) factor = Math.max(STRIP_SCALE, LOW_STRIP / height);
  const factors = [factor];
  while (height * factor * STEP >= LOWEST_PICTURE) factors.push((factor *= STEP));
  return factors;
}

/** A picture at a scale; `halves` are it and its halves as far as they were needed, for coarse scales to begin with. */
function scaled(halves, factor) {
  const times = Math.max(0, Math.floor(-Math.log2(2 * factor)));
  while (halves.length <= times) halves.push(resized(halves.at(-1), 0.5));
  const { width, height } = halves[0][0];
  const size = [Math.max(1, rint(width * factor)), Math.max(1, rint(height * factor))];
  return resized(halves[times], factor * 2 ** times, size);
}

/** How much light the ink of a find absorbs, or sends out, of what its paper does: what shows through does little. */
function strength({ box, scale }) {
  const [x1, y1, x2, y2] = box.map((side) => rint(side * scale.factor));
  const room = 2 + rint(AROUND * (y2 - y1)); // the box of a one holds hardly any paper
  const [left, right] = [x1 - room, x2 + room];
  const place = [Math.max(left, 0), Math.max(y1, 0), Math.max(right, left + 1, 1), Math.max(y2, y1 + 1, 1)];
  let strongest = 0;
  for (const source of scale.picture) {
    const levels = cut(source, ...place).data.sort();
    if (!levels.length) return 0;
    const [paper, dark, bright] = [50, 100 - INK_PERCENTILE, INK_PERCENTILE].map((share) => between(levels, share / 100));
    strongest = Math.max(strongest, (255 * Math.max(paper - dark, bright - paper)) / Math.max(paper, MIN_PAPER));
  }
  return strongest;
}

/** The level of sorted ones below which a share of them lies, interpolated. */
function between(sorted, share) {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** One find a character, by non-maximum suppression, surest first; which it is, all finds of its place say. */
export function suppressed(finds) {
  const all = finds.map((find) => {
    const [x1, y1, x2, y2] = find.box;
    return { find, sure: best(find.logits).value, x: (x1 + x2) / 2, y: (y1 + y2) / 2, height: y2 - y1, area: (x2 - x1) * (y2 - y1) };
  });
  const kept = [];
  const result = [];
  for (const one of [...all].sort((a, b) => b.sure - a.sure)) {
    const same = [];
    let covered = false;
    for (const other of all) {
      const across = Math.min(one.find.box[2], other.find.box[2]) - Math.max(one.find.box[0], other.find.box[0]);
      const down = Math.min(one.find.box[3], other.find.box[3]) - Math.max(one.find.box[1], other.find.box[1]);
      const shared = Math.max(across, 0) * Math.max(down, 0);
      const lower = Math.min(one.height, other.height);
      // Of a one, boxes that are off by half of its width have the same middle, for its height.
      const isSame =
        shared > MAX_IOU * (one.area + other.area - shared) ||
        (Math.abs(other.x - one.x) < SAME_MIDDLE[0] * lower && Math.abs(other.y - one.y) < SAME_MIDDLE[1] * lower);
      if (isSame) same.push(other);
      covered = covered || ((isSame || shared > MAX_COVERED * Math.min(one.area, other.area)) && kept.includes(other));
    }
    if (covered) continue;
    kept.push(one);
    result.push({ ...one.find, logits: merged(one, same) });
  }
  return result;
}

/** The logits of a find and those of the same place, each by its odds. */
function merged(one, same) {
  const odds = same.map((other) => Math.exp(Math.min(other.sure - one.sure, 0)));
  const total = odds.reduce((sum, share) => sum + share, 0);
  const logits = one.find.logits.map((_, c) => same.reduce((sum, other, i) => sum + odds[i] * other.find.logits[c], 0) / total);
  const more = one.sure - best(logits).value;
  return logits.map((logit) => logit + more);
}
