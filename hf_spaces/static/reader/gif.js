// The frames of a GIF (GIF89a), and the one picture that they make: the twin of captcha_ocr/gif.py.

import { unpack } from "./lzw.js";

const EXTENSION = 0x21;
const FRAME = 0x2c;
const TRAILER = 0x3b;
const GRAPHIC_CONTROL = 0xf9;
const HEAD_BYTES = 13;
const MAX_BLOCKS = 1 << 16; // with sub-blocks, which have 255 bytes unless something is wrong
const INTERLACED = [
  [0, 8],
  [4, 8],
  [2, 4],
  [1, 2],
]; // first row and step of each pass
const GREYS = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)); // without a palette

/** {width, height} of the canvas. */
export function gifSize(bytes) {
  const view = viewOf(bytes);
  return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
}

/**
 * Each pixel from the frame that draws it farthest from the background of the first, or white.
 *
 * @param frames of `gifFrames`, of which the first `most` are looked at
 * @param background tells a picture's background, one value a channel
 * @returns {width, height, channels: 3, pixels: RGB}
 */
export function combine(frames, { width, height }, most, background) {
  const pixels = new Uint8Array(width * height * 3).fill(255);
  const combined = { width, height, channels: 3, pixels };
  const farthest = new Int16Array(width * height).fill(-1); // nothing drawn yet
  let ground = null;
  let looked = 0;
  for (const frame of frames) {
    const numbers = unpack(frame.parts, frame.codeSize, frame.width * frame.height);
    if (!ground) {
      draw(frame, numbers, combined, farthest.slice(), new Int16Array(256));
      ground = background(combined);
    }
    draw(frame, numbers, combined, farthest, distances(frame.palette, ground));
    looked += 1;
    if (looked === most) break;
  }
  if (!ground) throw new Error("a GIF without a frame");
  return combined;
}

/** Of each colour number from one colour. */
function distances(palette, [red, green, blue]) {
  return Int16Array.from({ length: 256 }, (_, number) => {
    const [r, g, b] = palette.subarray(3 * number);
    return Math.abs(r - red) + Math.abs(g - green) + Math.abs(b - blue);
  });
}

/** Draws where the colour's distance is above that in `farthest`, which takes it. */
function draw(frame, numbers, { width, pixels }, farthest, distance) {
  const rows = rowOrder(frame);
  for (let y = 0; y < frame.height; y += 1) {
    const start = (frame.top + y) * width + frame.left;
    for (let x = 0; x < frame.width; x += 1) {
      const number = numbers[rows[y] * frame.width + x];
      const to = start + x;
      if (number === frame.transparent || distance[number] <= farthest[to]) continue;
      farthest[to] = distance[number];
      for (let c = 0; c < 3; c += 1) pixels[3 * to + c] = frame.palette[3 * number + c];
    }
  }
}

/** Yields the place, palette and packed colour numbers of each frame that draws anything. */
export function* gifFrames(bytes) {
  const view = viewOf(bytes);
  const shared = paletteAt(bytes, HEAD_BYTES, bytes[10], GREYS);
  let at = HEAD_BYTES + tableBytes(bytes[10]);
  let transparent = null;
  let blocks = 0;
  const count = () => {
    blocks += 1;
    if (blocks > MAX_BLOCKS) throw new Error(`a GIF of more than ${MAX_BLOCKS} blocks`);
  };
  while (at < bytes.length && bytes[at] !== TRAILER) {
    count();
    if (bytes[at] === EXTENSION) {
      const known = bytes[at + 1] === GRAPHIC_CONTROL && bytes[at + 2] >= 4;
      if (known && at + 6 < bytes.length) transparent = bytes[at + 3] & 1 ? bytes[at + 6] : null;
      at = behindBlocks(bytes, at + 2, count);
    } else if (bytes[at] === FRAME) {
      const frame = { ...placeAt(view, at + 1), transparent };
      const flags = bytes[at + 9];
      const data = at + 10 + tableBytes(flags);
      frame.palette = paletteAt(bytes, at + 10, flags, shared);
      frame.codeSize = bytes[data];
      frame.parts = wholeBlocks(bytes, data + 1);
      at = behindBlocks(bytes, data + 1, count);
      if (frame.width && frame.height) yield frame;
      transparent = null; // a control is for one frame
    } else at += 1; // readers pass over what they do not know
  }
}

function viewOf(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function placeAt(view, at) {
  const [left, top, width, height] = [0, 2, 4, 6].map((offset) => view.getUint16(at + offset, true));
  const canvas = [view.getUint16(6, true), view.getUint16(8, true)];
  // A frame of another size could ask for gigabytes.
  if (left + width > canvas[0] || top + height > canvas[1]) {
    throw new Error(`a GIF frame leaves the canvas of ${canvas.join("x")}`);
  }
  return { left, top, width, height, interlaced: (view.getUint8(at + 8) & 0x40) !== 0 };
}

function tableBytes(flags) {
  return flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;
}

/** 256 colours, black beyond those of the table; or `otherwise` if these flags say there is none. */
function paletteAt(bytes, at, flags, otherwise) {
  if (!(flags & 0x80)) return otherwise;
  const palette = new Uint8Array(768);
  palette.set(bytes.subarray(at, at + tableBytes(flags)));
  return palette;
}

function behindBlocks(bytes, start, count) {
  let at = start;
  for (; at < bytes.length && bytes[at]; at += bytes[at] + 1) count();
  return at + 1;
}

/** Those of a chain of length-prefixed blocks that are not cut off. */
function* wholeBlocks(bytes, start) {
  for (let at = start; bytes[at] && at + bytes[at] < bytes.length; at += bytes[at] + 1) {
    yield bytes.subarray(at + 1, at + 1 + bytes[at]);
  }
}

/** For each row of the frame, which row of the data it is. */
function rowOrder({ height, interlaced }) {
  const order = new Uint16Array(height);
  let next = 0;
  for (const [first, step] of interlaced ? INTERLACED : [[0, 1]]) {
    for (let y = first; y < height; y += step) order[y] = next++;
  }
  return order;
}
