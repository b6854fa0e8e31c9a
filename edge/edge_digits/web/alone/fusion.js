// What the networks say of one candidate, made one opinion; as text/fusion.py.

import { best, DIGIT_COUNT, digitsOf, SIGNS, signsOf } from "./characters.js";
import { isAlone } from "./lines.js";
import { context, inLine, withinSigns } from "./neighbours.js";

/** The least confidence of what is read in a scene. */
export const THRESHOLD = 0.5;

const LEAST = 1e-6;
const LIKELY = 0.5;
const SURE_ALONE = 1.2;
const CROWDED = 0.003;
const GIVEN = 1.5;

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
    inLine(here, glyphs.slice(first, first + line.length), weights.line).forEach((value, i) => (odds[first + i] = value));
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

