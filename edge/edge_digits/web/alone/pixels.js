// Planes of grey levels, and pictures made of them; as imaging/pixels.py.
//
// A plane is { width, height, data }, a level a pixel, 0 to 255. A picture is an array of planes of one size: one of
// grey, or three of red, green and blue.

/** A crop of one digit is worked on at this side at most; a picture of at most the second is a tight crop of one. */
export const CROP_SIDE = 112;
export const TINY_SIDE = 40;

const SAMPLE_SIDE = 160;
const COLOURED = 25;
const COLOURED_SHARE = 0.004;

/** The nearest integer; of two, the even one, as Python, NumPy and OpenCV round. */
export function rint(value) {
  const up = Math.round(value);
  return up - value === 0.5 && up % 2 !== 0 ? up - 1 : up;
}

export function plane(width, height, data = new Uint8Array(width * height)) {
  return { width, height, data };
}

/** A plane of the same size, each level made of the one at its place. */
export function mapped(source, level) {
  const result = plane(source.width, source.height);
  for (let i = 0; i < result.data.length; i++) result.data[i] = level(source.data[i], i);
  return result;
}

export const inverted = (source) => mapped(source, (level) => 255 - level);

/** Part of a plane; x2 and y2 are cut at its rim. */
export function cut(source, x1, y1, x2, y2) {
  const right = Math.min(x2, source.width);
  const bottom = Math.min(y2, source.height);
  const part = plane(Math.max(0, right - x1), Math.max(0, bottom - y1));
  for (let y = 0; y < part.height; y++) {
    const start = (y1 + y) * source.width + x1;
    part.data.set(source.data.subarray(start, start + part.width), y * part.width);
  }
  return part;
}

/** The picture that RGBA pixels show: transparent parts become the paper that the opaque ink stands out from. */
export function pictureOf(rgba, width, height) {
  const planes = [0, 1, 2].map(() => plane(width, height));
  const [red, green, blue] = planes.map((one) => one.data);
  let grey = true;
  let opaque = true;
  for (let i = 0, j = 0; i < red.length; i++, j += 4) {
    red[i] = rgba[j];
    green[i] = rgba[j + 1];
    blue[i] = rgba[j + 2];
    grey = grey && red[i] === green[i] && green[i] === blue[i];
    opaque = opaque && rgba[j + 3] === 255;
  }
  if (opaque) return grey ? [planes[0]] : planes;
  const gray = toGray(planes);
  const alpha = mapped(gray, (_, i) => rgba[4 * i + 3]);
  const paper = paperBelow(gray.data, alpha.data);
  return [mapped(gray, (level, i) => Math.floor((level * alpha.data[i] + paper * (255 - alpha.data[i])) / 255 + 0.5))];
}

/** The grey plane of a picture. */
export function toGray(picture) {
  if (picture.length === 1) return picture[0];
  const [red, green, blue] = picture.map((one) => one.data);
  return mapped(picture[0], (_, i) => (9798 * red[i] + 19235 * green[i] + 3735 * blue[i] + 16384) >> 15);
}

/** The level of the paper below a picture with alpha. */
function paperBelow(gray, alpha) {
  let total = 0;
  let weighed = 0;
  for (let i = 0; i < gray.length; i++) {
    total += alpha[i];
    weighed += gray[i] * alpha[i];
  }
  if (total === 0) return 255;
  if (total > 255 * 0.5 * gray.length) return median(gray.filter((_, i) => alpha[i] > 127));
  return weighed < 128 * total ? 255 : 0;
}

/** The median of levels or other numbers. */
export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A picture that hardly has any colours without them: it takes a third of the work. */
export function withoutFaintColours(picture) {
  if (picture.length === 1) return picture;
  const { width, height } = picture[0];
  const step = Math.ceil(Math.max(width, height) / SAMPLE_SIDE);
  const sample = picture.map(({ data }) => {
    const levels = [];
    for (let y = 0; y < height; y += step) for (let x = 0; x < width; x += step) levels.push(data[y * width + x]);
    return levels;
  });
  const cast = sample.map(median); // of light or paper: what is as red everywhere is no colour
  const castMean = (cast[0] + cast[1] + cast[2]) / 3;
  let coloured = 0;
  for (let i = 0; i < sample[0].length; i++) {
    const mean = (sample[0][i] + sample[1][i] + sample[2][i]) / 3;
    const spread = Math.max(...sample.map((levels, c) => Math.abs(levels[i] - mean - (cast[c] - castMean))));
    coloured += spread > COLOURED;
  }
  return coloured > COLOURED_SHARE * sample[0].length ? picture : [toGray(picture)];
}

/** How many pixels have each level. */
export function histogram(levels) {
  const counts = new Float64Array(256);
  for (const level of levels) counts[level]++;
  return counts;
}

/** The level up to which a share of all pixels of a histogram lies. */
export function percentile(counts, share) {
  const goal = Math.fround(Math.fround(share) * counts.reduce((sum, count) => sum + count, 0));
  let total = 0;
  for (let level = 0; level < 256; level++) {
    total += counts[level];
    if (total >= goal) return level;
  }
  return 0;
}
