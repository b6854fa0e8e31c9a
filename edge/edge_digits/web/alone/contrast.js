// A picture -> its local contrast: what differs from the paper around it, as white on black; as imaging/contrast.py.

import { blurred, boxWhere, greatest, medianOfSquares } from "./filters.js";
import { histogram, percentile, plane, rint } from "./pixels.js";
import { resizedByArea, resizedLinearly } from "./resize.js";

const MEDIAN_WINDOW = 61;
const MAXIMUM_WINDOW = 41;
const SHRINK = 4;
const MIN_LEVEL = 10;
const NOISE_FACTOR = 4;
const INK_SHARE = 0.25;

/** How strongly each pixel of a picture differs from the paper around it, levelled: a plane, 0 for paper. */
export function localContrast(picture) {
  const [first, ...others] = picture.map(difference);
  for (const { data } of others) {
    for (let i = 0; i < data.length; i++) if (data[i] > first.data[i]) first.data[i] = data[i];
  }
  return levelled(first);
}

/** The box of all ink of the local contrast of a crop of one digit; all of it where there is none. */
export function inkBox(contrast) {
  const least = INK_SHARE * contrast.data.reduce((most, level) => Math.max(most, level), 0);
  return boxWhere(contrast, (i) => contrast.data[i] > least) || [0, 0, contrast.width, contrast.height];
}

/** The absolute difference to the median of the window around each pixel. */
function difference(channel) {
  const factor = factorOf(channel);
  const reach = Math.floor(MEDIAN_WINDOW / (2 * factor));
  const median = medianOfSquares(shrunk(channel, factor), 2 * reach + 1, "reflect");
  const paper = resizedLinearly(median, channel.width, channel.height);
  const result = plane(channel.width, channel.height);
  for (let i = 0; i < result.data.length; i++) result.data[i] = Math.abs(channel.data[i] - paper.data[i]);
  return result;
}

function levelled(strength) {
  const calm = blurred(strength, 3);
  // Most of a picture is paper. Of the absolute value of a normal distribution, the median is 0.67 deviations.
  const noise = percentile(histogram(calm.data), 0.5) / 0.67;
  const factor = factorOf(strength);
  const side = Math.floor(MAXIMUM_WINDOW / factor) | 1;
  const highest = blurred(greatest(shrunk(calm, factor), side), side);
  const level = resizedLinearly(highest, strength.width, strength.height);
  const least = Math.floor(Math.min(Math.max(MIN_LEVEL, NOISE_FACTOR * noise), 255));
  const offset = Math.min(rint(noise), 255);
  const result = plane(strength.width, strength.height);
  for (let i = 0; i < result.data.length; i++) {
    const own = strength.data[i] - offset;
    if (own > 0) result.data[i] = ratio(own, Math.max(level.data[i], least));
  }
  return result;
}

/** What one level is of another, in 255 parts. */
export function ratio(level, whole) {
  return Math.min(rint((255 * level) / whole), 255);
}

function factorOf({ width, height }) {
  return Math.max(1, Math.min(SHRINK, Math.floor(height / 8), Math.floor(width / 8)));
}

function shrunk(source, factor) {
  if (factor === 1) return source;
  return resizedByArea(source, Math.max(1, Math.floor(source.width / factor)), Math.max(1, Math.floor(source.height / factor)));
}
