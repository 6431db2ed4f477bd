// From untrusted bytes to RGB pixels: the twin of `open_image` in captcha_ocr/imaging.py.
//
// PNG and GIF, which the generators write, are decoded here: a canvas would lose what transparent
// pixels hold, round 16 bits otherwise, and no two browsers agree on an animation's frames. JPEG,
// WebP and BMP are the browser's own.

import { decodeByBrowser } from "./by_browser.js";
import { ReadError } from "./errors.js";
import { combine, gifFrames, gifSize } from "./gif.js";
import { background } from "./imaging.js";
import { decodePng } from "./png.js";

export const LIMITS = {
  maxBytes: 8 << 20, // of the file
  minSide: 8, // pixels
  maxPixels: 1_000_000, // width times height
  maxFrames: 64, // of a GIF
  maxFramePixels: 8_000_000, // of those frames together, each as large as the canvas
};

const KINDS = [
  ["png", "\x89PNG\r\n\x1a\n"],
  ["gif", "GIF87a"],
  ["gif", "GIF89a"],
  ["jpeg", "\xff\xd8\xff"],
  ["webp", "RIFF....WEBP"], // a dot is any byte
  ["bmp", "BM"],
];

/** @returns {width, height, channels: 3, pixels: RGB}. Throws ReadError. */
export async function openPicture(bytes) {
  if (bytes.length > LIMITS.maxBytes) {
    throw new ReadError("size", `the file is larger than ${LIMITS.maxBytes} bytes`);
  }
  const kind = kindOf(bytes);
  try {
    if (kind === "png") return await decodePng(bytes, checkSize);
    if (kind === "gif") return decodeGif(bytes);
    return await decodeByBrowser(bytes, `image/${kind}`, checkSize);
  } catch (error) {
    if (error instanceof ReadError) throw error;
    throw new ReadError("broken", `the picture is cut off or damaged (${error.message})`);
  }
}

/** Told from the bytes alone. */
function kindOf(bytes) {
  const head = String.fromCharCode(...bytes.subarray(0, 12));
  const fits = (mark) => [...mark].every((char, i) => char === "." || char === head[i]);
  const found = KINDS.find(([, mark]) => fits(mark));
  if (found) return found[0];
  throw new ReadError(
    "unsupported",
    "not a picture in a known format; send PNG, JPEG, WEBP, BMP, GIF",
  );
}

function decodeGif(bytes) {
  const size = gifSize(bytes);
  checkSize(size.width, size.height);
  return combine(gifFrames(bytes), size, framesOf(size), background);
}

/** How many frames of a GIF of this size are looked at; at least one. */
function framesOf({ width, height }) {
  const most = Math.floor(LIMITS.maxFramePixels / (width * height));
  return Math.max(1, Math.min(LIMITS.maxFrames, most));
}

function checkSize(width, height) {
  if (Math.min(width, height) >= LIMITS.minSide && width * height <= LIMITS.maxPixels) return;
  throw new ReadError(
    "size",
    `the picture has ${width}x${height} pixels; sides of ${LIMITS.minSide} pixels or more and ` +
      `${LIMITS.maxPixels} pixels in all or fewer are read`,
  );
}
