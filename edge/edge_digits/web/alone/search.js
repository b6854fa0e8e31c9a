// One look at a picture, upright, at working scale, with the candidates that are in it; as find/search.py.

import { best, digitsOf } from "./characters.js";
import { cropLines, givenDigit } from "./given.js";
import { sceneLines } from "./lines.js";
import { CROP_SIDE, TINY_SIDE, toGray, withoutFaintColours } from "./pixels.js";
import { composed, invertedMap, rotated, shrink, warped } from "./resize.js";
import { isBar } from "./ring.js";
import { findCharacters, workingSide } from "./scene.js";

const WIDE = 1.2;
const STRAIGHT = 0.12;
const SLANTED = [0.2, 1];
const SMALLEST = 4;

/** Find the candidates of a picture: { lines, box }; `box` gives a glyph's box in pixels of the picture.
 *
 * `size` is the width and height of the whole picture, of which `picture` may be a smaller copy; `degrees` bring it
 * upright; `glance` asks the reader about a crop of one digit first.
 */
export async function look(picture, size, degrees, layout, maps, glance) {
  const upright = rotated(picture, degrees);
  const work = withoutFaintColours(shrink(upright, workingSide(upright[0].height, upright[0].width)));
  const { width, height } = work[0];
  const seen = degrees % 180 ? [size[1], size[0]] : size;
  let back = [[seen[0] / width, 0, 0], [0, seen[1] / height, 0]];
  const longer = Math.max(width, height);
  let lines = [];
  if (Math.min(width, height) < SMALLEST && !isBar(toGray(work))) {
    lines = [];
  } else if (layout === "digit" || (layout === "auto" && longer <= TINY_SIDE)) {
    lines = await givenDigit(work, maps, glance, layout === "auto" ? "tiny" : "given");
  } else if (layout === "auto" && longer <= CROP_SIDE && width <= WIDE * height) {
    lines = await cropLines(work, maps, glance);
  } else {
    lines = sceneLines(await findCharacters(work, maps));
    const level = await straightened(work, lines, maps);
    if (level) {
      lines = level.lines;
      back = composed(back, level.undone);
    }
  }
  if (layout === "line" && lines.length > 1) lines = [lines.flat().sort((a, b) => a.glyph.x - b.glyph.x)];
  return { lines, box: (glyph) => rotatedBack(boxOf(glyph, back, seen), degrees, size) };
}

/** The lines of a page turned so that its one line, which runs at a slant, is level, where more is found so; or null. */
async function straightened(work, lines, maps) {
  const angle = slant(lines);
  if (angle === null) return null;
  const { width, height } = work[0];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const size = [
    Math.ceil(width * Math.abs(cos) + height * Math.abs(sin)),
    Math.ceil(width * Math.abs(sin) + height * Math.abs(cos)),
  ];
  const [x, y] = [width / 2, height / 2];
  const turn = [
    [cos, sin, (1 - cos) * x - sin * y + (size[0] - width) / 2],
    [-sin, cos, sin * x + (1 - cos) * y + (size[1] - height) / 2],
  ];
  const level = sceneLines(await findCharacters(warped(work, turn, ...size), maps));
  return sureness(level) > sureness(lines) ? { lines: level, undone: invertedMap(turn) } : null;
}

/** The strongest logit of a digit, of each candidate. */
const strongest = (lines) => lines.flat().map((one) => [one.glyph, best(digitsOf(one.place.logits)).value]);

/** The angle of a single line of digits that does not run level, radians, clockwise; null for any other page. */
function slant(lines) {
  const sure = strongest(lines).filter(([, logit]) => logit > 0);
  if (sure.length < 3) return null;
  const middles = sure.map(([glyph]) => [glyph.x + glyph.width / 2, glyph.y + glyph.height / 2]);
  const mean = [0, 1].map((axis) => middles.reduce((sum, one) => sum + one[axis], 0) / middles.length);
  const covariance = (a, b) =>
    middles.reduce((sum, one) => sum + (one[a] - mean[a]) * (one[b] - mean[b]), 0) / (middles.length - 1);
  const [xx, xy, yy] = [covariance(0, 0), covariance(0, 1), covariance(1, 1)];
  const root = Math.hypot((xx - yy) / 2, xy);
  const [least, most] = [(xx + yy) / 2 - root, (xx + yy) / 2 + root];
  const angle = Math.atan2(2 * xy, xx - yy) / 2; // of the axis along which they are spread most
  return least < STRAIGHT ** 2 * most && SLANTED[0] < Math.abs(angle) && Math.abs(angle) < SLANTED[1] ? angle : null;
}

/** How much the finder found: the sum of its probabilities. */
const sureness = (lines) => strongest(lines).reduce((sum, [, logit]) => sum + 1 / (1 + Math.exp(-logit)), 0);

/** A glyph's box through an affine map, in whole pixels of a picture of this size. */
function boxOf({ x, y, width, height }, map, size) {
  const corners = [[x, y], [x, y + height], [x + width, y], [x + width, y + height]];
  const [[x1, x2], [y1, y2]] = map.map(([a, b, c], axis) => {
    const places = corners.map((corner) => a * corner[0] + b * corner[1] + c);
    // A box that should end at a pixel's edge may miss it by a rounding error.
    const first = Math.min(Math.max(Math.floor(Math.min(...places) + 1e-6), 0), size[axis] - 1);
    return [first, Math.min(Math.max(Math.ceil(Math.max(...places) - 1e-6), first + 1), size[axis])];
  });
  return { x1, y1, x2, y2 };
}

/** A box in a picture that was rotated -> the same box before; `size` is the one before. */
function rotatedBack({ x1, y1, x2, y2 }, degrees, [width, height]) {
  if (degrees === 90) return { x1: y1, y1: height - x2, x2: y2, y2: height - x1 };
  if (degrees === 180) return { x1: width - x2, y1: height - y2, x2: width - x1, y2: height - y1 };
  if (degrees === 270) return { x1: width - y2, y1: x1, x2: width - y1, y2: x2 };
  return { x1, y1, x2, y2 };
}
