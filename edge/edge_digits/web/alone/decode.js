// A picture file -> its pixels, decoded by the browser.

import { pictureOf } from "./pixels.js";

const MAX_PIXELS = 40_000_000;
/** The longer side keeps so many pixels where a picture is decoded at a half, a quarter or an eighth of its size. */
const DECODE_SIDE = 1600;

/** What is wrong with a picture, in words for whoever gave it. */
export class PictureError extends Error {}

/** The picture of a file, turned as its EXIF orientation says, and the width and height of the whole: { picture, size }. */
export async function decode(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
  } catch {
    throw new PictureError("is no picture that this browser can decode. Save it as JPEG or PNG");
  }
  const size = [bitmap.width, bitmap.height];
  try {
    if (size[0] * size[1] > MAX_PIXELS) {
      throw new PictureError(`is too large: ${size[0]} x ${size[1]}; at most ${MAX_PIXELS} pixels are read. Scale it down`);
    }
    const halvings = Math.max(0, Math.min(3, Math.floor(Math.log2(Math.max(...size) / DECODE_SIDE))));
    const [width, height] = size.map((side) => Math.ceil(side / 2 ** halvings));
    const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    pen.imageSmoothingQuality = "high";
    pen.drawImage(bitmap, 0, 0, width, height);
    return { picture: pictureOf(pen.getImageData(0, 0, width, height).data, width, height), size };
  } finally {
    bitmap.close();
  }
}
