// A grey plane -> its ink, as far as crops of one digit need it; as imaging/ink.py.

import { ratio } from "./contrast.js";
import { BORDERS, blurred, boxSums, closed, medianOfSquares } from "./filters.js";
import { CROP_SIDE, TINY_SIDE, histogram, inverted, mapped, percentile, rint } from "./pixels.js";
import { padded, resizedLinearly, shrink } from "./resize.js";

/** On darker paper, what differs from it is mostly the sensor's noise. */
export const MIN_PAPER = 51;

const PAPER_SIDE = 96;
const STROKE_FRACTION = 0.25;
const TINY_STROKE_FRACTION = 0.5;
const CLEAR_SKEWNESS = 0.4;
const PAGE_SIDE = 320;
const PAGE_WINDOW = 15;
const NOISE_FACTOR = 3;
const MIN_STRENGTH = 18;

/** Where a crop's ink is, a mask of 0 and 1, and the paper that it would show without it.
 *
 * `opposite` takes what seems to be ink for paper, and the reverse.
 */
export function inkOf(gray, opposite) {
  const fraction = Math.max(gray.width, gray.height) <= TINY_SIDE ? TINY_STROKE_FRACTION : STROKE_FRACTION;
  const lightOnDark = isLightOnDark(gray, shrink([gray], PAPER_SIDE)[0]) !== opposite;
  const dark = lightOnDark ? inverted(gray) : gray;
  const paper = paperOf(shrink([dark], PAPER_SIDE)[0], fraction, gray);
  const { strength, noise } = strengthOf(dark, paper);
  const least = Math.max(MIN_STRENGTH, rint(NOISE_FACTOR * noise));
  return { mask: mapped(strength, (level) => Number(level >= least)), paper: lightOnDark ? inverted(paper) : paper };
}

/** The strength of dark ink on its paper, less that of the bare paper; and the noise of that. */
function strengthOf(dark, paper) {
  const part = (less, more, i) => ratio(Math.max(more - less, 0), Math.max(paper.data[i], MIN_PAPER));
  const strength = mapped(dark, (level, i) => part(level, paper.data[i], i));
  const excess = mapped(dark, (level, i) => part(paper.data[i], level, i));
  const counts = histogram(strength.data);
  const [p5, p25] = [percentile(counts, 0.05), percentile(counts, 0.25)];
  const noise = Math.max(p25 - p5, percentile(histogram(excess.data), 0.9) / 1.06);
  const offset = Math.min(rint(p25 + 0.5 * (p25 - p5)), 255);
  return { strength: mapped(strength, (level) => Math.max(level - offset, 0)), noise };
}

/** The polarity: whether the ink is lighter than the paper; `small` is the plane at PAPER_SIDE. */
function isLightOnDark(gray, small) {
  let skewness = 0;
  if (Math.max(gray.width, gray.height) > CROP_SIDE) skewness = skewnessOf(shrink([gray], PAGE_SIDE)[0], PAGE_WINDOW);
  if (Math.abs(skewness) <= CLEAR_SKEWNESS) {
    skewness = skewnessOf(small, Math.max(3, rint(0.5 * Math.max(small.width, small.height)) | 1));
  }
  if (Math.abs(skewness) > CLEAR_SKEWNESS) return skewness > 0;
  const level = otsu(small);
  const light = mapped(small, (own) => Number(own > level));
  const { width, height, data } = light;
  const share = data.reduce((sum, own) => sum + own, 0) / data.length;
  let rim = 0;
  for (let x = 0; x < width; x++) rim += data[x] + data[(height - 1) * width + x];
  for (let y = 0; y < height; y++) rim += data[y * width] + data[(y + 1) * width - 1];
  const mostlyLight = share >= 0.5;
  if (mostlyLight === rim / (2 * (width + height)) >= 0.5) return !mostlyLight;
  return thickness(light) < thickness(mapped(light, (own) => 1 - own));
}

/** Skewness of the brightness about its local mean, over so many pixels along either side. */
function skewnessOf({ width, height, data }, side) {
  const sums = boxSums(data, width, height, side, BORDERS.reflect);
  let squares = 0;
  let cubes = 0;
  for (let i = 0; i < data.length; i++) {
    const deviation = data[i] - sums[i] / (side * side);
    squares += deviation ** 2;
    cubes += deviation ** 3;
  }
  const variance = squares / data.length;
  return variance > 0.25 ? cubes / data.length / variance ** 1.5 : 0;
}

/** The level that parts dark from light best (Otsu 1979); it is dark itself. */
function otsu({ data }) {
  const counts = histogram(data);
  const mean = counts.reduce((sum, count, level) => sum + count * level, 0) / data.length;
  let share = 0;
  let darkMean = 0;
  let best = 0;
  let most = 0;
  for (let level = 0; level < 256; level++) {
    const own = counts[level] / data.length;
    darkMean *= share;
    share += own;
    if (Math.min(share, 1 - share) < 1.2e-7 || Math.max(share, 1 - share) > 1 - 1.2e-7) continue;
    darkMean = (darkMean + level * own) / share;
    const lightMean = (mean - share * darkMean) / (1 - share);
    const between = share * (1 - share) * (darkMean - lightMean) ** 2;
    if (between > most) [most, best] = [between, level];
  }
  return best;
}

/** Mean distance of a mask's pixels to its edge; the picture's rim does not count as an edge. */
function thickness(mask) {
  const { width, height, data } = padded(mask, [1, 1, 1, 1]);
  const far = 65536;
  const distance = Float64Array.from(data, (own) => (own ? far : 0));
  const at = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? far : distance[y * width + x]);
  const [straight, diagonal] = [0.955, 1.3693]; // (Borgefors 1986)
  const pass = (x, y, step) => {
    const nearest = Math.min(
      at(x - step, y) + straight,
      at(x, y - step) + straight,
      at(x - step, y - step) + diagonal,
      at(x + step, y - step) + diagonal,
    );
    const i = y * width + x;
    distance[i] = Math.min(distance[i], nearest);
  };
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) pass(x, y, 1);
  for (let y = height - 1; y >= 0; y--) for (let x = width - 1; x >= 0; x--) pass(x, y, -1);
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  return sum(distance) / Math.max(sum(data), 1);
}

/** The brightness that the paper would have without ink, of the size of `gray`; from dark ink at PAPER_SIDE. */
function paperOf(small, fraction, gray) {
  const side = Math.max(3, rint(fraction * Math.max(small.width, small.height)) | 1);
  // A median first: the closing is a maximum, and would otherwise follow the brightest speck of noise.
  const denoised = Math.min(small.width, small.height) >= 3 ? medianOfSquares(small, 3, "replicate") : small;
  return resizedLinearly(blurred(closed(denoised, side), side, "replicate"), gray.width, gray.height);
}
