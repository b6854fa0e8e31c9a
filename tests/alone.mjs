// What the modules of the page without a server make of the golden vectors, as JSON: node tests/alone.mjs MODULES GOLDEN

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";

const [folder, file] = process.argv.slice(2);
const golden = JSON.parse(gunzipSync(readFileSync(file)));
const load = (name) => import(pathToFileURL(`${folder}/${name}.js`));
const { beyond } = await load("pieces");
const { inkBox, localContrast } = await load("contrast");
const { join } = await load("fusion");
const { findPeaks } = await load("heatmap");
const { windowOf } = await load("normalize");
const { CROP_SIDE, cut, plane, rint, toGray, withoutFaintColours } = await load("pixels");
const { resized, shrink } = await load("resize");
const { withRing } = await load("ring");
const { MIN_LOGIT } = await load("scene");

const bytesOf = ({ data }) => Uint8Array.from(Buffer.from(data, "base64"));
const floatsOf = (array) => new Float32Array(bytesOf(array).buffer);
const rowsOf = (array) => {
  const floats = floatsOf(array);
  const [rows, columns] = array.shape;
  return Array.from({ length: rows }, (_, row) => floats.slice(row * columns, (row + 1) * columns));
};

/** A picture from its pixels, blue first as OpenCV has them. */
function pictureOf(array) {
  const [height, width, channels = 1] = array.shape;
  const pixels = bytesOf(array);
  const planes = Array.from({ length: channels }, (_, channel) =>
    plane(width, height, pixels.filter((_, i) => i % channels === channel)),
  );
  return planes.reverse();
}

function arrayOf(picture) {
  const planes = [...picture].reverse();
  const { width, height } = planes[0];
  const pixels = Buffer.alloc(width * height * planes.length);
  planes.forEach(({ data }, channel) => data.forEach((level, i) => (pixels[i * planes.length + channel] = level)));
  const shape = planes.length > 1 ? [height, width, planes.length] : [height, width];
  return { shape, dtype: "uint8", data: pixels.toString("base64") };
}

function normalisation({ picture: array, boxes }) {
  const picture = pictureOf(array);
  const { width, height } = picture[0];
  const larger = resized(picture, 1.3, [rint(1.3 * width), rint(1.3 * height)]);
  const contrast = localContrast(picture);
  const [ringed, ring] = withRing(shrink([toGray(picture)], CROP_SIDE)[0]);
  const ofRing = localContrast([ringed]);
  const [opposite] = withRing(shrink([toGray(picture)], CROP_SIDE)[0], true);
  return {
    picture: array,
    smaller: arrayOf(withoutFaintColours(shrink(picture, 90))),
    larger: arrayOf(larger.map((one) => cut(one, 0, 0, width >> 1, height >> 1))),
    contrast: arrayOf([contrast]),
    ring,
    "contrast of the ringed": arrayOf([ofRing]),
    "contrast of the opposite": arrayOf([localContrast([opposite])]),
    ink: inkBox(ofRing),
    boxes: [inkBox(contrast), ...boxes.slice(1)],
    windows: boxes.map((box) => arrayOf([plane(28, 28, windowOf(contrast, box))])),
    beyond: boxes.map((box) => beyond(contrast, box)),
  };
}

function joined({ lines, kind, elsewhere }) {
  const [logits, probabilities] = [rowsOf(golden.logits), rowsOf(golden.probabilities)];
  const [xs, widths, heights] = [0, 1, 2].map((side) => golden.boxes.map((box) => box[side]));
  const glyph = (i) => ({ x: xs[i], y: 0, width: widths[i], height: heights[i] });
  const candidate = (i) => ({ glyph: glyph(i), place: { logits: logits[i], beyond: (i % 3) / 4, elsewhere }, kind });
  const parts = lines.map(([first, last]) => Array.from({ length: last - first }, (_, i) => candidate(first + i)));
  const own = probabilities.slice(lines[0][0], lines.at(-1)[1]);
  return join(parts, own, golden.weights).map(({ classes }) => classes);
}

const [height, width, depth] = golden.cells.shape;
const peaks = findPeaks({ width, height, depth, data: floatsOf(golden.cells) }, MIN_LOGIT);
const made = {
  pictures: Object.fromEntries(Object.entries(golden.pictures).map(([name, one]) => [name, normalisation(one)])),
  peaks: peaks.map((peak) => [peak.x, peak.y, peak.width, peak.height, ...peak.logits]),
  joined: golden.joined.map(joined),
};
process.stdout.write(JSON.stringify(made));
