// From untrusted bytes to RGB pixels: the twin of `open_image` in captcha_ocr/imaging.py.
//
// PNG and GIF, which the generators write, are decoded here: a canvas would lose what transparent
// pixels hold, round 16 bits otherwise, and no two browsers agree on an animation's frames. JPEG,
// WebP and BMP are the browser's own.

import { decodeByBrowser } from "./by_browser.js";
import { ReadError } from "./errors.js";
import { gifFrames } from "./gif.js";
import { background } from "./imaging.js";
import { decodePng } from "./png.js";

export const LIMITS = {
  maxBytes: 8 << 20, // of the file
  minSide: 8, // pixels
  maxPixels: 1_000_000, // width times height
  maxFrames: 64, // of a GIF
  maxFramePixels: 8_000_000, // of those frames together: each is as large as the canvas
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
    if (kind === "gif") return combineFrames(gifFrames(bytes, checkSize, framesOf));
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

/** How many frames of a GIF of this size are looked at; at least one. */
function framesOf(width, height) {
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

/** Each pixel from the frame where it lies farthest from the background. */
function combineFrames(frames) {
  let combined = null;
  let ground, farthest;
  for (const frame of frames) {
    if (!combined) {
      combined = frame;
      ground = background(frame);
      farthest = new Int16Array(frame.width * frame.height).fill(-1);
    }
    for (let i = 0, at = 0; i < farthest.length; i += 1, at += 3) {
      const distance = apart(frame.pixels, at, ground);
      if (distance > farthest[i]) {
        farthest[i] = distance;
        combined.pixels.set(frame.pixels.subarray(at, at + 3), at);
      }
    }
  }
  return combined;
}

function apart(pixels, at, [red, green, blue]) {
  return (
    Math.abs(pixels[at] - red) + Math.abs(pixels[at + 1] - green) + Math.abs(pixels[at + 2] - blue)
  );
}
