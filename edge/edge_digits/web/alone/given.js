// A picture that is, or may be, a crop of one digit -> the places where that may be; as find/given.py.

import { best, digitsOf, DIGIT_COUNT, SIGNS } from "./characters.js";
import { inkBox, localContrast } from "./contrast.js";
import { REFERENCE_HEIGHT } from "./heatmap.js";
import { candidateOf, sceneLines } from "./lines.js";
import { CROP_SIDE, toGray } from "./pixels.js";
import { resized } from "./resize.js";
import { withRing } from "./ring.js";
import { findCharacters, MIN_LOGIT, scalesOf } from "./scene.js";

const STEPS = [1.5, 1];
const CLEAR = 0.97;
const NOTHING = new Float32Array(DIGIT_COUNT + SIGNS.length).fill(MIN_LOGIT);
const LIKELY_LOGIT = 1;
const INNER = 0.32;
const ALIKE = 0.25;
const TOUCHING = 0.5;

/** The digit of a picture that is given as one, or tiny: a line of alternatives, of which each is all that is read.
 *
 * `glance` gives what the reader sees at a place; where it is sure of the ink, nothing is looked for.
 */
export async function givenDigit(picture, maps, glance, kind) {
  const crop = cropOf(picture);
  if (isEven(crop)) return [];
  const said = await glance(ofInk(crop).place);
  const clear = clearDigit(crop, said) || (await oppositeDigit(picture, glance));
  if (clear) return [clear];
  const finds = await findCharacters(crop.picture, maps, crop.factors);
  return [moved(alternatives(crop, finds, kind, said), crop.ring)];
}

/** What a small crop holds, of which nothing is said: lines where several digits are likely, else one digit. */
export async function cropLines(picture, maps, glance) {
  const crop = cropOf(picture);
  if (isEven(crop)) return [];
  const finds = await findCharacters(crop.picture, maps, crop.factors);
  if (holdsSeveral(crop, finds)) return sceneLines(finds).map((line) => moved(line, crop.ring));
  const likely = finds.some(({ logits }) => best(digitsOf(logits)).value > LIKELY_LOGIT);
  const clear = likely ? null : await oppositeDigit(picture, glance);
  return [clear || moved(alternatives(crop, finds, "crop"), crop.ring)];
}

/** The digit of a crop that its ink fills, if it is clear once light is taken for dark; or null. */
async function oppositeDigit(picture, glance) {
  if (Math.max(picture[0].width, picture[0].height) > CROP_SIDE) return null;
  const crop = cropOf(picture, true);
  return crop.ring ? clearDigit(crop, await glance(ofInk(crop).place)) : null;
}

/** The digit of a crop, if the reader is sure of it by what it said of its ink; or null. */
function clearDigit(crop, said) {
  if (best(digitsOf(said)).value < CLEAR) return null;
  return moved([{ ...ofInk(crop), kind: "clear", probabilities: said }], crop.ring);
}

/** Whether a crop is one even surface. */
function isEven(crop) {
  return crop.scale.contrast.data.every((value) => value === 0);
}

/** Whether more than one digit is likely: about as high as each other, apart, and not at the crop's sides. */
function holdsSeveral(crop, finds) {
  const boxes = finds
    .filter(({ box, logits }) => {
      const middle = (box[0] + box[2]) / (2 * crop.picture[0].width);
      return best(digitsOf(logits)).value > LIKELY_LOGIT && Math.abs(middle - 0.5) < INNER;
    })
    .map(({ box }) => box);
  return boxes.some((one, number) =>
    boxes.slice(0, number).some((other) => {
      const height = one[3] - one[1];
      const across = Math.min(one[2], other[2]) - Math.max(one[0], other[0]);
      const down = Math.min(one[3], other[3]) - Math.max(one[1], other[1]);
      const apart = across < TOUCHING * (one[2] - one[0]) || down < TOUCHING * height;
      return apart && Math.abs(Math.log(height / (other[3] - other[1]))) < ALIKE;
    }),
  );
}

/** The surest find and the box of all ink, of which the reader may have said something already. */
function alternatives(crop, finds, kind, said = null) {
  if (!finds.length) return [{ ...ofInk(crop), kind, probabilities: said }];
  const surest = finds[best(finds.map(({ logits }) => best(digitsOf(logits)).value)).place];
  return [
    { ...candidateOf(surest, { isAll: true }), kind },
    { ...ofInk(crop, surest.logits), kind, probabilities: said },
  ];
}

/** The box of all ink as a candidate, of which the finder says `logits`. */
function ofInk({ ink, scale }, logits = NOTHING) {
  return candidateOf({ box: ink, logits, scale });
}

/** The crop that a picture is: with a ring where it is small, the box of its ink, and the scales to look at. */
function cropOf(picture, opposite = false) {
  let ring = 0;
  const { width, height } = picture[0];
  const small = Math.max(width, height) <= CROP_SIDE;
  if (small) {
    const [ringed, around] = withRing(toGray(picture), opposite);
    picture = [ringed];
    ring = around;
  }
  const sides = [picture[0].height, picture[0].width];
  const factor = Math.min(1, CROP_SIDE / Math.max(...sides));
  const pixels = resized(picture, factor);
  const scale = { factor, picture: pixels, contrast: localContrast(pixels) };
  const ink = inkBox(scale.contrast).map((side) => Math.fround(side / factor));
  const side = Math.max(ink[3] - ink[1], 0.7 * (ink[2] - ink[0]));
  const factors = new Set([...STEPS.map((step) => (step * REFERENCE_HEIGHT) / side), ...scalesOf(...sides)]);
  return { picture, ring, scale, ink, factors: small ? [...factors].sort((a, b) => b - a) : [] };
}

/** A line in pixels of the picture without its ring. */
function moved(line, ring) {
  return line.map((one) => ({ ...one, glyph: { ...one.glyph, x: one.glyph.x - ring, y: one.glyph.y - ring } }));
}
