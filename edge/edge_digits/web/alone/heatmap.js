// What the finder's network says, place by place -> peaks; as inference/heatmap.py.

export const INPUT_MULTIPLE = 8;
export const DIGIT_HEIGHTS = [18, 44];
export const REFERENCE_HEIGHT = 28;

const STRIDE = 4;
const REGRESSION_CHANNELS = 4;
const LOG_SIDES = [-2.8, 2];

/** The network's output, [rows, columns, 4 x depth] -> cells, { width, height, depth, data } of twice the sides. */
export function depthToSpace(data, rows, columns, depth) {
  const cells = { width: 2 * columns, height: 2 * rows, depth, data: new Float32Array(data.length) };
  let from = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (const [down, right] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
        const to = ((2 * row + down) * cells.width + 2 * column + right) * depth;
        cells.data.set(data.subarray(from, from + depth), to);
        from += depth;
      }
    }
  }
  return cells;
}

/** The local maxima of cells whose best class has at least this logit: centre, sides in pixels, logits. */
export function findPeaks({ width, height, depth, data }, threshold) {
  const classes = depth - REGRESSION_CHANNELS;
  const best = new Float32Array(width * height);
  for (let i = 0; i < best.length; i++) {
    let most = -Infinity;
    for (let j = i * depth; j < i * depth + classes; j++) if (data[j] > most) most = data[j];
    best[i] = most;
  }
  const isPeak = (x, y) => {
    for (let j = Math.max(y - 1, 0); j <= Math.min(y + 1, height - 1); j++) {
      for (let i = Math.max(x - 1, 0); i <= Math.min(x + 1, width - 1); i++) {
        if (best[j * width + i] > best[y * width + x]) return false;
      }
    }
    return true;
  };
  const side = (logarithm) => REFERENCE_HEIGHT * Math.exp(Math.min(Math.max(logarithm, LOG_SIDES[0]), LOG_SIDES[1]));
  const peaks = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (best[y * width + x] < threshold || !isPeak(x, y)) continue;
      const start = (y * width + x) * depth;
      const [logHeight, logWidth, right, down] = data.subarray(start + classes, start + depth);
      peaks.push({
        x: Math.fround((x + 0.5 + right) * STRIDE),
        y: Math.fround((y + 0.5 + down) * STRIDE),
        width: Math.fround(side(logWidth)),
        height: Math.fround(side(logHeight)),
        logits: data.slice(start, start + classes),
      });
    }
  }
  return peaks;
}
