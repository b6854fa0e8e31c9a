// What the networks say of one candidate, made one opinion; as text/fusion.py.

import { best, DIGIT_COUNT, digitsOf, SIGNS, signsOf } from "./characters.js";
import { isAlone } from "./lines.js";

/** The least confidence of what is read in a scene. */
export const THRESHOLD = 0.5;

const LEAST = 1e-6;
const LIKELY = 0.5;
const SURE_ALONE = 1.2;
const COMPANY = 2;
const ALIKE = 0.3;
const LONGER = 0.6;
const CROWDED = 0.003;
const GIVEN = 1.5;
const PART = 0.6;
const OVERLAP = 0.5;
const PARTING = 0.75;
const UNPAIRED = -3;
const DIGIT = 0;
const HALF = -1;
const WIDE = Array.from("+x=%#", (sign) => SIGNS.indexOf(sign));
const [SLASH, OPENING, CLOSING] = Array.from("/()", (sign) => DIGIT_COUNT + SIGNS.indexOf(sign));

const clip = (value, low, high) => Math.min(Math.max(value, low), high);

/** The logarithm of the sum of exponentials. */
export function logSum(values) {
  const most = best(values).value;
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
}

/** The opinions of all candidates of lines, in their order: log probabilities, { classes, signs } each.
 *
 * `probabilities` are the classifier's, an array a candidate, and `weights` what each opinion counts: page.json has them
 * of text/weights.py. The last of `classes` is for no digit.
 */
export function join(lines, probabilities, weights) {
  const candidates = lines.flat();
  if (!candidates.length) return [];
  const said = lines.flatMap(context);
  const characters = candidates.map((one, i) => ofFind(one, probabilities[i], said[i], weights[one.kind]));
  const digits = characters.map((row) => Array.from(digitsOf(row)));
  const signs = characters.map((row) => Array.from(signsOf(row)));
  const scores = (rows) => rows.map((row, i) => ({ classes: normalized(row), signs: signs[i] }));
  if (isAlone(candidates[0])) {
    // Boxes of one digit: there is none where none of them holds one.
    const none = Math.min(...digits.map((row) => Math.log1p(-Math.min(sumOfExponentials(row), 1 - LEAST))));
    return scores(digits.map((row) => [...row, none]));
  }
  const opinions = characters.map(digitOrNothing);
  const glyphs = candidates.map(({ glyph }) => glyph);
  const less = withinSigns(glyphs, signs);
  const own = opinions.map((one, i) => one.odds - less[i]);
  const odds = [...own];
  let first = 0;
  const surest = best(own);
  const crowded = candidates[surest.place].place.elsewhere > CROWDED;
  for (const line of candidates.length < 2 && !crowded ? [] : lines) {
    const here = own.slice(first, first + line.length);
    const beside = company(here, line.map(({ glyph }) => glyph.height));
    const shared = covered(here, line.map(({ glyph }) => glyph));
    const { own: itself, company: others, covered: twice, constant } = weights.line;
    here.forEach((value, i) => (odds[first + i] = itself * value + others * beside[i] - twice * shared[i] + constant));
    first += line.length;
  }
  if (!crowded && own.filter((value) => value > LIKELY).length === 1 && surest.value > SURE_ALONE) {
    odds[surest.place] = surest.value; // the only digit of its picture lacks no company
  }
  return scores(
    digits.map((row, i) => {
      const digit = opinions[i].noSign / (1 + Math.exp(-odds[i]));
      const whole = logSum(row);
      return [...row.map((value) => value - whole + Math.log(digit)), Math.log1p(-digit)];
    }),
  );
}

const sumOfExponentials = (row) => row.reduce((sum, value) => sum + Math.exp(value), 0);

/** The log odds of a digit against nothing, and the probability that it is no sign. */
function digitOrNothing(row) {
  const digit = clip(sumOfExponentials(digitsOf(row)), LEAST, 1 - LEAST);
  const noSign = clip(1 - sumOfExponentials(signsOf(row)), digit + LEAST / 2, 1 - LEAST / 2);
  return { odds: Math.log(digit / (noSign - digit)), noSign };
}

/** The share of a box that another one covers. */
function shareOf(one, other) {
  const across = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const down = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  return (Math.max(across, 0) * Math.max(down, 0)) / (one.width * one.height);
}

/** How much less the log odds of digits are for the signs that they are part of, as half of an x. */
function withinSigns(glyphs, signs) {
  const area = ({ width, height }) => width * height;
  return glyphs.map((one) => {
    const against = glyphs.map((other, i) => {
      const isPart = shareOf(one, other) > PART && area(other) > area(one);
      const sign = WIDE.reduce((sum, place) => sum + Math.exp(signs[i][place]), 0);
      return isPart ? -Math.log(1 - Math.min(sign, 1 - LEAST)) : 0;
    });
    return Math.max(0, ...against);
  });
}

/** How much of each box of a line, beyond a half, one that is more surely a digit covers. */
function covered(odds, glyphs) {
  return glyphs.map((one, i) => {
    const shares = glyphs.map((other, j) => (odds[j] > odds[i] ? shareOf(one, other) : 0));
    return Math.max(0, ...shares.map((share) => share - OVERLAP));
  });
}

/** What a line says of the characters of each of its candidates beside their looks. */
function context(line) {
  const digit = line.map(({ place }) => best(digitsOf(place.logits)).value > DIGIT);
  const isHalf = (sign) => line.map(({ place }) => place.logits[sign] > HALF);
  const [opening, closing] = [isHalf(OPENING), isHalf(CLOSING)];
  return line.map(({ place, kind }, i) => {
    const row = new Float64Array(place.logits.length);
    if (kind !== "scene") return row;
    const [before, behind] = [digit.slice(0, i).includes(true), digit.slice(i + 1).includes(true)];
    if (before === behind) row[SLASH] += PARTING;
    if (before && behind && !closing.slice(i + 1).includes(true)) row[OPENING] += UNPAIRED;
    if (before && behind && !opening.slice(0, i).includes(true)) row[CLOSING] += UNPAIRED;
    return row;
  });
}

/** How many others of a line are surely digits and about as high: 0 for none, 1 for four or more. */
function company(odds, heights) {
  const share = (longer) => (Math.abs(longer) < ALIKE ? 1 : longer > 0 && longer < LONGER ? 0.5 : 0);
  return odds.map((_, i) => {
    const shares = odds.map((one, j) => (j !== i && one > COMPANY ? share(Math.log(heights[i] / heights[j])) : 0));
    return Math.sqrt(Math.min(shares.reduce((sum, each) => sum + each, 0), 4) / 4);
  });
}

/** Log probabilities of each character; what they lack of 1 is for no character. */
function ofFind({ place, kind }, probabilities, said, weights) {
  const there = clip(probabilities.reduce((sum, share) => sum + share, 0), LEAST, 1 - LEAST);
  let odds =
    weights.finder * best(place.logits).value + weights.classifier * Math.log(there / (1 - there)) + weights.constant;
  odds -= weights.beyond * place.beyond;
  if (kind === "crop") odds -= GIVEN;
  const classes = Float64Array.from(
    place.logits,
    (logit, c) =>
      weights.finder_class * logit + weights.classifier_class * Math.log(Math.max(probabilities[c], LEAST)) + said[c],
  );
  const less = logSum(classes) + logSum([0, -odds]);
  return classes.map((value) => value - less);
}

/** Log probabilities whose exponentials sum to 1. */
function normalized(row) {
  const whole = logSum(row);
  return row.map((value) => value - whole);
}

