// Digits and signs that were found -> the text of a reading; as text/assemble.py.

const GROUP_GAP = 1.5;
const isDigit = (digit) => digit && !digit.sign;

/** Digits in reading order, with the signs among them marked as part of the text or not. */
export function withSigns(digits, wanted) {
  return digits.map((digit, place) => (digit.sign ? { ...digit, rejected: !isPart(digits, place, wanted) } : digit));
}

/** The labels of what was accepted: a blank between groups, a newline between lines. */
export function assemble(digits) {
  const lines = new Map();
  for (const digit of digits) lines.set(digit.line, [...(lines.get(digit.line) || []), digit]);
  return [...lines.values()].map(joined).filter(Boolean).join("\n");
}

function isPart(digits, place, wanted) {
  if (wanted !== "number") return wanted === "all";
  const sign = digits[place];
  const [before, after] = [-1, 1].map((step) => neighbour(digits, place, step));
  if (!isDigit(after)) return false;
  if (".,".includes(sign.label)) return Boolean(isDigit(before));
  if (sign.label !== "-") return false;
  return !before || sign.box.x1 - before.box.x2 > GROUP_GAP * (after.box.y2 - after.box.y1);
}

/** The next of its line on one side that is a sign or was accepted. */
function neighbour(digits, place, step) {
  const { line } = digits[place];
  for (let i = place + step; digits[i]?.line === line; i += step) {
    if (digits[i].sign || !digits[i].rejected) return digits[i];
  }
  return null;
}

function joined(line) {
  const shown = line.filter((digit) => !digit.rejected);
  if (!shown.length) return "";
  const heights = shown.filter(isDigit).map(({ box }) => box.y2 - box.y1);
  heights.sort((a, b) => a - b);
  const height = heights.length ? heights[heights.length >> 1] : 0;
  const parted = new Set(line.slice(1).filter((_, i) => line[i].sign && line[i].rejected));
  return shown.reduce((text, right, i) => {
    if (!i) return right.label;
    const gap = right.box.x1 - shown[i - 1].box.x2 > GROUP_GAP * height;
    return text + (gap || parted.has(right) ? " " : "") + right.label;
  }, "");
}
