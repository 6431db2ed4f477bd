// From RGB pixels to the array a model reads: the twin of `preprocess` in captcha_ocr/imaging.py.
// Integer arithmetic wherever Python has it, so the bytes are the same in every browser.

import { resizeBilinear } from "./resample.js";

/**
 * @param picture {width, height, pixels: RGB}
 * @param config {height, max_width, channels, pad_multiple}, from the model's description
 * @returns {width, data: Float32Array (channels, height, width), in [-1, 1]}
 */
export function preprocess(picture, config) {
  return normalise(pad(scale(picture, config), config.pad_multiple));
}

/** Width in pixels, before padding. */
export function scaledWidth({ width, height }, config) {
  const exact = Math.floor((2 * width * config.height + height) / (2 * height)); // halves up
  return Math.max(1, Math.min(exact, config.max_width));
}

/** The median of the border, one value a channel; of an even number the upper one. */
export function background({ width, height, channels, pixels }) {
  return Array.from({ length: channels }, (_, c) => {
    const border = [];
    for (const y of [0, height - 1]) {
      for (let x = 0; x < width; x += 1) border.push(pixels[(y * width + x) * channels + c]);
    }
    for (const x of [0, width - 1]) {
      for (let y = 0; y < height; y += 1) border.push(pixels[(y * width + x) * channels + c]);
    }
    return Uint8Array.from(border).sort()[border.length >> 1];
  });
}

function scale(picture, config) {
  const { width, height, pixels } = picture;
  const before =
    config.channels === 1
      ? { width, height, channels: 1, pixels: toGrey(pixels) }
      : { width, height, channels: 3, pixels };
  return resizeBilinear(before, scaledWidth(picture, config), config.height);
}

/** ITU-R 601 luma in 16-bit fixed point, as Pillow's convert("L"). */
function toGrey(pixels) {
  const grey = new Uint8Array(pixels.length / 3);
  for (let i = 0, at = 0; i < grey.length; i += 1, at += 3) {
    const sum = 19595 * pixels[at] + 38470 * pixels[at + 1] + 7471 * pixels[at + 2];
    grey[i] = (sum + 0x8000) >> 16;
  }
  return grey;
}

function pad(picture, multiple) {
  const { width, height, channels, pixels } = picture;
  const padded = Math.ceil(width / multiple) * multiple;
  if (padded === width) return picture;
  const filler = background(picture);
  const out = new Uint8Array(padded * height * channels);
  for (let at = 0; at < out.length; at += 1) out[at] = filler[at % channels];
  const row = width * channels;
  for (let y = 0; y < height; y += 1) {
    out.set(pixels.subarray(y * row, (y + 1) * row), y * padded * channels);
  }
  return { width: padded, height, channels, pixels: out };
}

/** (H, W, C) bytes to (C, H, W) floats, rounded to 32 bits after each step as numpy does. */
function normalise({ width, height, channels, pixels }) {
  const area = width * height;
  const data = new Float32Array(channels * area);
  for (let c = 0; c < channels; c += 1) {
    for (let i = 0; i < area; i += 1) {
      data[c * area + i] = Math.fround(pixels[i * channels + c] / 127.5) - 1;
    }
  }
  return { width, data };
}
