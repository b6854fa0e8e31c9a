// Scored candidates -> which of them are read, and as what; as text/choice.py and examination.py without constraints.

import { best, SIGNS } from "./characters.js";
import { logSum, THRESHOLD } from "./fusion.js";
import { isAlone } from "./lines.js";

const EVEN = Math.log(0.5);
const MIN_CONFIDENCE_IN_NUMBER = 0.3;
const MIN_CONFIDENCE_LISTED = 0.1;

/** What is read of each line: { steps, confidence }; steps are [place in the line, class or null for no digit]. */
export function choose(line, scores) {
  const labels = scores.map(({ classes }) => classes.slice(0, -1));
  // Of the boxes of one digit, the one in which it is seen best.
  const places = line.length && isAlone(line[0]) ? [best(labels.map((row) => best(row).value)).place] : [...line.keys()];
  let confidence = 1;
  const steps = places.map((place) => {
    const { classes } = scores[place];
    const none = classes.at(-1);
    const top = best(classes);
    const label = best(labels[place]);
    confidence *= Math.exp(top.value - logSum(classes));
    const isNone = none > label.value && none >= EVEN;
    if (top.place < labels[place].length) return [place, top.place];
    if (isNone) return [place, null];
    confidence *= Math.exp(label.value - none); // it is sooner a digit than none, and unclear which
    return [place, label.place];
  });
  return { steps, confidence };
}

/** The confidence of ways through lines: that of the worst on which anything is read. */
export function worst(ways) {
  const read = ways.filter(({ steps }) => steps.some(([, label]) => label !== null));
  return read.length ? Math.min(...read.map(({ confidence }) => confidence)) : 0;
}

/** The digits and signs of a line, as the record has them, without their boxes: { place, digit } of what is listed. */
export function accepted(line, scores, way, topK) {
  const isDigit = scores.map(({ classes }) => 1 - Math.exp(classes.at(-1)));
  const several = isDigit.filter((sure) => sure >= THRESHOLD).length > 1;
  const threshold = (place) => {
    const lower = isAlone(line[0]) ? line[place].kind !== "crop" : several && isDigit[place] >= THRESHOLD;
    return lower ? MIN_CONFIDENCE_IN_NUMBER : THRESHOLD;
  };
  return way.steps
    .map(([place, label]) => {
      const sign = best(scores[place].signs.map(Math.exp));
      if (label === null && sign.value >= THRESHOLD) return { place, digit: signOf(sign) };
      return { place, digit: digitOf(scores[place].classes, label, threshold(place), topK) };
    })
    .filter(({ digit }) => !digit.rejected || digit.confidence >= MIN_CONFIDENCE_LISTED);
}

function signOf({ place, value }) {
  const label = SIGNS[place];
  return { label, confidence: value, rejected: true, topk: [[label, value]], sign: true };
}

function digitOf(classes, label, threshold, topK) {
  const shares = classes.slice(0, -1).map(Math.exp);
  const ranking = [...shares.keys()].sort((a, b) => shares[b] - shares[a]).slice(0, topK);
  const shown = label ?? ranking[0];
  return {
    label: String(shown),
    confidence: shares[shown],
    rejected: label === null || shares[shown] < threshold,
    topk: ranking.map((i) => [String(i), shares[i]]),
  };
}
