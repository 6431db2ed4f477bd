// JPEG, WebP and BMP through the browser's decoder, with everything kept from it that would change
// the pixels: colour profiles, and the turning that a camera asks for.

import { ReadError } from "./errors.js";

const EXIF = 0xe1; // the marker of the segment that may ask for a turn
const SCAN = 0xda; // the pixels begin
const FILL = 0xff; // begins a marker; any number of them may stand before one
const ALONE = new Set([0x01, 0xc8]); // markers without a length; as segments.py has them
for (let marker = 0xd0; marker <= 0xd9; marker += 1) ALONE.add(marker);
for (let marker = 0xf0; marker <= 0xfd; marker += 1) ALONE.add(marker);

/** @param checkSize throws for a size that is not read */
export async function decodeByBrowser(bytes, type, checkSize) {
  if (!globalThis.OffscreenCanvas) throw new ReadError("browser", "OffscreenCanvas");
  const parts = type === "image/jpeg" ? withoutExif(bytes) : [bytes];
  const bitmap = await createImageBitmap(new Blob(parts, { type }), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  try {
    checkSize(bitmap.width, bitmap.height);
    return onWhiteCanvas(bitmap);
  } finally {
    bitmap.close();
  }
}

/** A JPEG's bytes but for its EXIF segments; no option of createImageBitmap ignores the turn. */
function withoutExif(bytes) {
  const parts = [];
  let kept = 0; // up to here it is in `parts`, or left out
  for (let at = 2; ; ) {
    at = bytes.indexOf(FILL, at); // decoders pass over what stands between segments
    const marker = bytes[at + 1];
    if (at < 0 || marker === undefined || marker === SCAN) return [...parts, bytes.subarray(kept)];
    if (marker === 0 || marker === FILL) {
      at += 1;
      continue;
    }
    const length = ALONE.has(marker) ? 0 : (bytes[at + 2] << 8) | bytes[at + 3];
    if (marker === EXIF) {
      parts.push(bytes.subarray(kept, at));
      kept = at + 2 + length;
    }
    at += 2 + length;
  }
}

function onWhiteCanvas(bitmap) {
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", {
    willReadFrequently: true, // in memory, not on the graphics card
  });
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < pixels.length; from += 4, to += 3) {
    pixels.set(data.subarray(from, from + 3), to);
  }
  return { width, height, channels: 3, pixels };
}
