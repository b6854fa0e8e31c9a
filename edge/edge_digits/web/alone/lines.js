// What a network found in a scene -> lines of candidates; as find/lines.py and the lines of find/layout.py.
//
// A candidate is { glyph, place, kind, probabilities }: its box x, y, width, height in the picture; the local contrast,
// the box in it, the logits that it was found with, how much ink lies beyond the box or elsewhere; what it may be the
// digit of, as find/glyph.py tells; what the reader says of it, where it was asked already.

import { best, digitsOf, signsOf } from "./characters.js";
import { boxWhere } from "./filters.js";
import { unexplained } from "./parts.js";
import { beyond, piecesAround } from "./pieces.js";
import { median } from "./pixels.js";
import { INKED } from "./scene.js";

const LIKELY_LOGIT = -0.5;
const STROKE = 128;
const OWN = 0.6;
const ROOM = 0.2;
const LEAST = 0.6;
const OTHER_HEIGHT = 1.8;
const ABOVE = 0.1;
const BELOW = 0.3;
const BESIDE = 1.5;
const RAISED = 2;
const RAISED_HEIGHT = 0.85;
const RAISED_GAP = 4;
const RAISED_SHARED = 0.05;
const RAISED_COVERED = 0.3;

/** The lines of a scene from the top, digits and the signs beside them from the left. */
export function sceneLines(finds) {
  const elsewhere = elsewhereOf(finds);
  const makers = [];
  let others = [];
  for (const find of finds) {
    const digit = best(digitsOf(find.logits)).value;
    const likely = digit >= LIKELY_LOGIT && digit >= best(signsOf(find.logits)).value;
    (likely ? makers : others).push(candidateOf(find, { elsewhere }));
  }
  const middle = ({ glyph }) => glyph.x + glyph.width / 2;
  return withRaised(rows(makers)).map((row) => {
    const height = heightOf(row);
    const beside = others.filter((other) => standsBeside(other.glyph, row, height));
    others = others.filter((other) => !beside.includes(other));
    return [...row, ...beside].sort((a, b) => middle(a) - middle(b));
  });
}

/** How much of a picture is ink outside of all finds, at the finest scale that something was found at: a share. */
function elsewhereOf(finds) {
  if (!finds.length) return 0;
  const { contrast, factor } = finds.map(({ scale }) => scale).reduce((a, b) => (b.factor > a.factor ? b : a));
  const rest = unexplained(contrast, finds.map(({ box }) => box.map((side) => Math.fround(side * factor))));
  return rest.reduce((count, level) => count + Number(level >= INKED), 0) / rest.length;
}

/** A find as a line has it; strokes beyond it are told of where it may be all of its picture. */
export function candidateOf({ box, logits, scale }, { elsewhere = 0, isAll = false } = {}) {
  const likely = best(logits).value >= LIKELY_LOGIT;
  const [left, top, right, bottom] = likely ? boxOfInk(scale, box) : box;
  const [x, y] = [Math.floor(left), Math.floor(top)];
  const glyph = { x, y, width: Math.max(1, Math.ceil(right) - x), height: Math.max(1, Math.ceil(bottom) - y) };
  const place = { contrast: scale.contrast, box: box.map((side) => side * scale.factor), logits, elsewhere };
  place.beyond = isAll ? beyond(place.contrast, place.box) : 0;
  return { glyph, place, kind: "scene", probabilities: null };
}

/** Whether a candidate is all that is read of its picture, and the others are alternatives. */
export function isAlone({ kind }) {
  return kind !== "scene";
}

/** The box of the strokes that lie in a find's box for the most part: what is shown of it. */
function boxOfInk({ contrast, factor }, box) {
  const seen = box.map((side) => Math.fround(side * factor));
  const { left, top, part, labels, whole, within } = piecesAround(contrast, seen, STROKE, ROOM);
  const own = whole.map((area, i) => within[i] > OWN * area);
  const found = boxWhere(part, (i) => labels[i] && own[labels[i] - 1]);
  if (!found || found[3] - found[1] < LEAST * (seen[3] - seen[1])) return box;
  return [left + found[0], top + found[1], left + found[2], top + found[3]].map((side) => side / factor);
}

/** Whether something stands beside a digit of a line whose digits are so high. */
function standsBeside(other, row, height) {
  const middle = other.y + other.height / 2;
  if (other.height > OTHER_HEIGHT * height) return false;
  return row.some(
    ({ glyph }) =>
      glyph.y - ABOVE * height < middle &&
      middle < glyph.y + glyph.height + BELOW * height &&
      glyph.x - BESIDE * height < other.x + other.width &&
      other.x < glyph.x + glyph.width + BESIDE * height,
  );
}

/** How high the digits of a line are: the median of what is not small. */
function heightOf(row) {
  const heights = row.map(({ glyph }) => glyph.height);
  const least = 0.6 * Math.max(...heights);
  return median(heights.filter((height) => height >= least));
}

/** Lines, with digits that are raised beside one of them, as exponents and cents are, in that line. */
function withRaised(found) {
  const lines = [...found].sort((a, b) => a.length - b.length);
  for (const row of [...lines]) {
    const base = lines.findLast((other) => other !== row && isRaised(row, other));
    if (!base) continue;
    lines.splice(lines.indexOf(row), 1);
    base.push(...row);
    base.sort((a, b) => a.glyph.x - b.glyph.x);
  }
  return found.filter((row) => lines.includes(row));
}

/** Whether a few small digits stand between or beside those of a line, at their upper end. */
function isRaised(row, base) {
  const height = heightOf(base);
  const glyphs = row.map(({ glyph }) => glyph);
  if (row.length > Math.min(RAISED, base.length)) return false;
  if (Math.max(...glyphs.map((glyph) => glyph.height)) > RAISED_HEIGHT * height) return false;
  const [x1, y1] = [Math.min(...glyphs.map(({ x }) => x)), Math.min(...glyphs.map(({ y }) => y))];
  const x2 = Math.max(...glyphs.map((glyph) => glyph.x + glyph.width));
  const y2 = Math.max(...glyphs.map((glyph) => glyph.y + glyph.height));
  const gapTo = ({ glyph }) => Math.max(glyph.x - x2, x1 - (glyph.x + glyph.width));
  const nearest = base.reduce((a, b) => (gapTo(b) < gapTo(a) ? b : a));
  const covered = Math.max(...base.map(({ glyph }) => Math.min(glyph.x + glyph.width, x2) - Math.max(glyph.x, x1)));
  const higher = y1 < nearest.glyph.y && y2 > nearest.glyph.y + RAISED_SHARED * (y2 - y1);
  return higher && gapTo(nearest) < RAISED_GAP * height && covered < RAISED_COVERED * (x2 - x1);
}

/** Lines from the top, from the left: each joins the line whose last large one it overlaps by half, by height. */
function rows(candidates) {
  const found = [];
  for (const one of [...candidates].sort((a, b) => a.glyph.x - b.glyph.x || a.glyph.y - b.glyph.y)) {
    let home = null;
    let most = 0;
    for (const row of found) {
      const last = (row.findLast(({ glyph }) => glyph.height >= 0.6 * row[0].glyph.height) || row.at(-1)).glyph;
      const shared = Math.min(last.y + last.height, one.glyph.y + one.glyph.height) - Math.max(last.y, one.glyph.y);
      const alike = shared / Math.max(last.height, one.glyph.height);
      if (shared >= 0.5 * Math.min(last.height, one.glyph.height) && alike >= most) [home, most] = [row, alike];
    }
    if (home) home.push(one);
    else found.push([one]);
  }
  const middle = (row) => row.reduce((sum, { glyph }) => sum + glyph.y + glyph.height / 2, 0) / row.length;
  return found.sort((a, b) => middle(a) - middle(b));
}
