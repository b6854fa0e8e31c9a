// What stands beside a candidate in its line, for and against what the networks say of it; as text/neighbours.py.

import { best, DIGIT_COUNT, digitsOf, SIGNS } from "./characters.js";

const LEAST = 1e-6;
const PART = 0.6;
const WIDE = Array.from("+x=%#", (sign) => SIGNS.indexOf(sign));
const OVERLAP = 0.5;
const COMPANY = 2;
const ALIKE = 0.3;
const LONGER = 0.6;
const PARTING = 0.75;
const UNPAIRED = -3;
const DIGIT = 0;
const HALF = -1;
const [SLASH, OPENING, CLOSING] = Array.from("/()", (sign) => DIGIT_COUNT + SIGNS.indexOf(sign));

/** What a line says of the characters of each of its candidates beside their looks. */
export function context(line) {
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

/** How much less the log odds of digits are for the signs that they are part of, as half of an x. */
export function withinSigns(glyphs, signs) {
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

/** The log odds that the candidates of a line are digits, with what stands beside them. */
export function inLine(odds, glyphs, weights) {
  const beside = company(odds, glyphs.map(({ height }) => height));
  const shared = covered(odds, glyphs);
  return odds.map(
    (value, i) =>
      weights.own * value + weights.company * beside[i] - weights.covered * shared[i] + weights.constant,
  );
}

/** How much of each box of a line, beyond a half, one that is more surely a digit covers. */
function covered(odds, glyphs) {
  return glyphs.map((one, i) => {
    const shares = glyphs.map((other, j) => (odds[j] > odds[i] ? shareOf(one, other) : 0));
    return Math.max(0, ...shares.map((share) => share - OVERLAP));
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

/** The share of a box that another one covers. */
function shareOf(one, other) {
  const across = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const down = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  return (Math.max(across, 0) * Math.max(down, 0)) / (one.width * one.height);
}
