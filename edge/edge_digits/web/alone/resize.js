// Pictures at other sizes and turned, to the grey level as OpenCV makes them: the networks were trained on what it makes.

import { plane, rint } from "./pixels.js";

/** Scale a picture down so that its longer side is at most `side`; smaller ones stay as they are. */
export function shrink(picture, side) {
  const { width, height } = picture[0];
  const scale = side / Math.max(width, height);
  if (scale >= 1) return picture;
  const size = [Math.max(1, rint(width * scale)), Math.max(1, rint(height * scale))];
  return picture.map((one) => resizedByArea(one, ...size));
}

/** A picture with so many times its sides, or of a width and height that are known. */
export function resized(picture, factor, size) {
  if (factor === 1) return picture;
  const { width, height } = picture[0];
  const [w, h] = size || [Math.max(1, rint(width * factor)), Math.max(1, rint(height * factor))];
  return picture.map((one) => (factor < 1 ? resizedByArea(one, w, h) : resizedLinearly(one, w, h)));
}

/** Each pixel the mean of the area that it covers; no side may grow (cv2.INTER_AREA). */
export function resizedByArea(source, width, height) {
  if (width === source.width && height === source.height) return source;
  const across = source.width / width;
  const down = source.height / height;
  return Number.isInteger(across) && Number.isInteger(down)
    ? meansOfBlocks(source, width, height, across, down)
    : meansOfAreas(source, width, height);
}

function meansOfBlocks(source, width, height, across, down) {
  const result = plane(width, height);
  const sums = new Uint32Array(width);
  const area = across * down;
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let row = y * down; row < (y + 1) * down; row++) {
      let place = row * source.width;
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (const end = place + across; place < end; place++) sum += source.data[place];
        sums[x] += sum;
      }
    }
    for (let x = 0; x < width; x++) {
      result.data[y * width + x] = across === 2 && down === 2 ? (sums[x] + 2) >> 2 : rint(sums[x] / area);
    }
  }
  return result;
}

/** Which pixels of a side make up each pixel of a shorter one: where they begin, how many, and the share of each. */
function shares(from, to) {
  const scale = 1 / (to / from);
  const first = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = [];
  for (let i = 0; i < to; i++) {
    const start = i * scale;
    const end = start + scale;
    const cell = Math.min(scale, from - start);
    const last = Math.min(Math.floor(end), from - 1);
    const whole = Math.min(Math.ceil(start), last);
    const own = [];
    first[i] = whole;
    if (whole - start > 1e-3) {
      first[i]--;
      own.push((whole - start) / cell);
    }
    for (let place = whole; place < last; place++) own.push(1 / cell);
    if (end - last > 1e-3) own.push(Math.min(end - last, 1, cell) / cell);
    count[i] = own.length;
    weights.push(...own);
  }
  return { first, count, weights: Float32Array.from(weights) };
}

function meansOfAreas(source, width, height) {
  const columns = shares(source.width, width);
  const rows = shares(source.height, height);
  const result = plane(width, height);
  const row = new Float32Array(width);
  const sums = new Float32Array(width);
  let kept = -1; // which row of the source `row` is of
  let weight = 0;
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let i = 0; i < rows.count[y]; i++, weight++) {
      const from = rows.first[y] + i;
      if (from !== kept) {
        kept = from;
        let place = 0;
        for (let x = 0; x < width; x++) {
          const start = from * source.width + columns.first[x];
          let sum = 0;
          for (let j = 0; j < columns.count[x]; j++) {
            sum = Math.fround(sum + Math.fround(source.data[start + j] * columns.weights[place++]));
          }
          row[x] = sum;
        }
      }
      const share = rows.weights[weight];
      for (let x = 0; x < width; x++) sums[x] += Math.fround(row[x] * share);
    }
    for (let x = 0; x < width; x++) result.data[y * width + x] = rint(sums[x]);
  }
  return result;
}

/** Between which two pixels of a side each pixel of another lies, and the shares of both, in 2048 parts. */
function neighbours(from, to) {
  const scale = 1 / (to / from);
  const first = new Int32Array(to);
  const near = new Int32Array(to);
  const far = new Int32Array(to);
  for (let i = 0; i < to; i++) {
    const place = Math.fround((i + 0.5) * scale - 0.5);
    first[i] = Math.floor(place);
    const share = Math.fround(place - first[i]);
    near[i] = rint(Math.fround(1 - share) * 2048);
    far[i] = rint(share * 2048);
  }
  return { first, near, far };
}

/** Each pixel interpolated between the nearest four (cv2.INTER_LINEAR). */
export function resizedLinearly(source, width, height) {
  if (width === source.width && height === source.height) return source;
  const columns = neighbours(source.width, width);
  const rows = neighbours(source.height, height);
  const result = plane(width, height);
  const kept = [-1, -1]; // which rows of the source the two are of
  const pair = [new Int32Array(width), new Int32Array(width)];
  const across = (from, row) => {
    const start = from * source.width;
    for (let x = 0; x < width; x++) {
      const left = Math.min(Math.max(columns.first[x], 0), source.width - 1);
      const right = Math.min(left + 1, source.width - 1);
      const inside = columns.first[x] >= 0 && columns.first[x] < source.width - 1;
      row[x] = inside
        ? source.data[start + left] * columns.near[x] + source.data[start + right] * columns.far[x]
        : source.data[start + left] * 2048;
    }
  };
  for (let y = 0; y < height; y++) {
    for (const i of [0, 1]) {
      const from = Math.min(Math.max(rows.first[y] + i, 0), source.height - 1);
      if (kept[i] === from) continue;
      if (i === 0 && kept[1] === from) {
        pair.reverse();
        kept.reverse();
        continue;
      }
      across(from, pair[i]);
      kept[i] = from;
    }
    const [above, below] = pair;
    for (let x = 0; x < width; x++) {
      const sum = ((rows.near[y] * (above[x] >> 4)) >> 16) + ((rows.far[y] * (below[x] >> 4)) >> 16);
      result.data[y * width + x] = (sum + 2) >> 2;
    }
  }
  return result;
}

/** A plane with so many pixels more on each side: of a level, or as its rim goes on. */
export function padded(source, [left, top, right, bottom], level = null) {
  const result = plane(source.width + left + right, source.height + top + bottom);
  if (level !== null) result.data.fill(level);
  for (let y = 0; y < result.height; y++) {
    const from = Math.min(Math.max(y - top, 0), source.height - 1);
    if (level !== null && from !== y - top) continue;
    const row = source.data.subarray(from * source.width, (from + 1) * source.width);
    const start = y * result.width;
    result.data.set(row, start + left);
    if (level !== null) continue;
    result.data.fill(row[0], start, start + left);
    result.data.fill(row.at(-1), start + left + source.width, start + result.width);
  }
  return result;
}

/** A picture rotated clockwise by 0, 90, 180 or 270 degrees. */
export function rotated(picture, degrees) {
  return degrees === 0 ? picture : picture.map((one) => rotatedPlane(one, degrees));
}

function rotatedPlane({ width, height, data }, degrees) {
  const result = degrees === 180 ? plane(width, height) : plane(height, width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [to, row] = { 90: [height - 1 - y, x], 180: [width - 1 - x, height - 1 - y], 270: [y, width - 1 - x] }[degrees];
      result.data[row * result.width + to] = data[y * width + x];
    }
  }
  return result;
}

/** A picture through an affine map of its places, [[a, b, c], [d, e, f]], interpolated; its rim goes on. */
export function warped(picture, map, width, height) {
  const [[a, b, c], [d, e, f]] = invertedMap(map);
  return picture.map((source) => {
    const result = plane(width, height);
    const level = (x, y) =>
      source.data[Math.min(Math.max(y, 0), source.height - 1) * source.width + Math.min(Math.max(x, 0), source.width - 1)];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const fromX = a * x + b * y + c;
        const fromY = d * x + e * y + f;
        const left = Math.floor(fromX);
        const top = Math.floor(fromY);
        const right = fromX - left;
        const down = fromY - top;
        const above = level(left, top) * (1 - right) + level(left + 1, top) * right;
        const below = level(left, top + 1) * (1 - right) + level(left + 1, top + 1) * right;
        result.data[y * width + x] = rint(above * (1 - down) + below * down);
      }
    }
    return result;
  });
}

/** The way back of an affine map. */
export function invertedMap([[a, b, c], [d, e, f]]) {
  const size = a * e - b * d;
  return [
    [e / size, -b / size, (b * f - e * c) / size],
    [-d / size, a / size, (d * c - a * f) / size],
  ];
}

/** One affine map after another: `first` is applied first. */
export function composed([[a, b, c], [d, e, f]], first) {
  const [[g, h, i], [j, k, l]] = first;
  return [
    [a * g + b * j, a * h + b * k, a * i + b * l + c],
    [d * g + e * j, d * h + e * k, d * i + e * l + f],
  ];
}
