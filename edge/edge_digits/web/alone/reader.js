// From a picture to its record: look -> normalize -> classify in one batch -> choose -> order; as reader.py.

import { assemble, withSigns } from "./assemble.js";
import { accepted, choose, worst } from "./choice.js";
import { join } from "./fusion.js";
import { SIDE, windowOf } from "./normalize.js";
import { look } from "./search.js";

const ROTATIONS = [90, 180, 270];
const MIN_GAIN = 1.2;
const rounded = (share) => Math.round(1e4 * share) / 1e4;

/** The record of a picture, as `edge-digits predict --format jsonl` writes it.
 *
 * `networks` are those of networks.js; `size` is the width and height of the whole picture; `options` are those of
 * `POST /api/read`: name, layout, rotate, signs, top_k, seen.
 */
export async function read(picture, size, networks, options = {}) {
  if (options.rotate !== "auto") {
    return published(await readRotated(picture, size, Number(options.rotate || 0), networks, options));
  }
  const upright = await readRotated(picture, size, 0, networks, options);
  const others = [];
  for (const degrees of ROTATIONS) others.push(await readRotated(picture, size, degrees, networks, options));
  const most = others.reduce((one, other) => (amountRead(other) > amountRead(one) ? other : one));
  return published(amountRead(most) > MIN_GAIN * amountRead(upright) ? most : upright);
}

async function readRotated(picture, size, degrees, networks, options) {
  const start = performance.now();
  let glanced = 0;
  const glance = async ({ contrast, box }) => {
    const begun = performance.now();
    const [said] = await networks.probabilities([windowOf(contrast, box)], SIDE);
    glanced += performance.now() - begun;
    return said;
  };
  const { lines, box } = await look(picture, size, degrees, options.layout || "auto", networks.maps, glance);
  const found = performance.now();
  const candidates = lines.flat();
  const windows = candidates.map(({ place }) => windowOf(place.contrast, place.box));
  const normalized = performance.now();
  const unsaid = windows.filter((_, i) => !candidates[i].probabilities);
  const answers = (await networks.probabilities(unsaid, SIDE)).values();
  const probabilities = candidates.map((one) => one.probabilities || answers.next().value);
  const inferred = performance.now();
  const scores = join(lines, probabilities, networks.weights);
  const listed = [];
  const ways = [];
  let first = 0;
  lines.forEach((line, number) => {
    const own = scores.slice(first, first + line.length);
    const way = choose(line, own);
    ways.push(way);
    for (const { place, digit } of accepted(line, own, way, Number(options.top_k || 3))) {
      listed.push({ ...digit, box: box(line[place].glyph), line: number, seen: windows[first + place] });
    }
    first += line.length;
  });
  const digits = withSigns(listed, options.signs || "none");
  const text = assemble(digits);
  const unsure = digits.some((digit) => digit.rejected && !digit.sign);
  return {
    schema: "edge-digits/result/1",
    source: options.name || "",
    frame: 0,
    width: size[0],
    height: size[1],
    text,
    confidence: text ? worst(ways) : 0,
    status: unsure ? "uncertain" : text ? "ok" : "no_digits",
    digits: digits.map(({ seen, ...digit }) => (options.seen ? { ...digit, seen: base64(seen) } : digit)),
    speed_ms: { find: found - start - glanced, normalize: normalized - found, infer: inferred - normalized + glanced },
    warnings: [],
  };
}

const base64 = (bytes) => btoa(String.fromCharCode(...bytes));

/** How much was read: the accepted digits' boxes, by their confidence; scraps count for little. */
function amountRead({ digits }) {
  const area = ({ x1, y1, x2, y2 }) => (x2 - x1) * (y2 - y1);
  return digits.filter((digit) => !digit.rejected).reduce((sum, digit) => sum + digit.confidence * area(digit.box), 0);
}

/** With the order and the decimals of the contract. */
function published(record) {
  return {
    ...record,
    confidence: rounded(record.confidence),
    digits: record.digits.map(({ label, confidence, box, line, rejected, topk, ...more }) => ({
      label,
      confidence: rounded(confidence),
      box,
      line,
      rejected,
      topk: topk.map(([own, share]) => [own, rounded(share)]),
      ...more,
    })),
  };
}
