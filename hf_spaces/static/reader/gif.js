// The frames of a GIF (GIF89a), put together as Pillow does it: what a frame leaves behind, what
// is transparent, and colour numbers beyond the palette follow its GifImagePlugin.

import { unpack } from "./lzw.js";
import { layOnWhite } from "./white.js";

const EXTENSION = 0x21;
const IMAGE = 0x2c;
const TRAILER = 0x3b;
const GRAPHIC_CONTROL = 0xf9;
const HEAD_BYTES = 13;
const TO_BACKGROUND = 2; // disposal; those above it go back to what was there before
const INTERLACED = [
  [0, 8],
  [4, 8],
  [2, 4],
  [1, 2],
]; // first row and step of each pass
const GREY_RAMP = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));

/**
 * Yields {width, height, channels: 3, pixels: RGB} for the first `most(width, height)` frames.
 *
 * @param checkSize throws for a size that is not read; called before anything is unpacked
 */
export function* gifFrames(bytes, checkSize, most) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [width, height] = [view.getUint16(6, true), view.getUint16(8, true)];
  checkSize(width, height);
  const frames = readBlocks(bytes, view, width, height);
  if (!frames.length) throw new Error("no frame");
  const canvas = startCanvas(width, height, frames[0]);
  const ground = bytes[10] & 0x80 ? bytes[11] : 0;
  let restore = () => {};
  for (const frame of frames.slice(0, most(width, height))) {
    restore();
    restore = disposal(canvas, frame, ground, frame === frames[0]);
    const parts = subBlocks(bytes, frame.data);
    draw(canvas, frame, unpack(parts, frame.codeSize, frame.width * frame.height));
    yield layOnWhite(canvas);
  }
}

/** Every frame's place and settings, up to the trailer or the end. */
function readBlocks(bytes, view, width, height) {
  const shared = bytes[10] & 0x80 ? tableAt(bytes, HEAD_BYTES, bytes[10]) : GREY_RAMP;
  const frames = [];
  let control = { transparent: null, disposal: 0 };
  let at = HEAD_BYTES + tableBytes(bytes[10]);
  while (at < bytes.length && bytes[at] !== TRAILER) {
    if (bytes[at] === EXTENSION) {
      const kind = view.getUint8(at + 1);
      if (kind === GRAPHIC_CONTROL && bytes[at + 2]) control = readControl(view, at, control);
      at = skipSubBlocks(bytes, at + 2);
    } else if (bytes[at] === IMAGE) {
      const frame = { ...readPlace(bytes, view, at, shared), ...control };
      // A decoder that grows its canvas for it could be made to ask for gigabytes.
      if (frame.left + frame.width > width || frame.top + frame.height > height) {
        throw new Error(`a GIF frame leaves the canvas of ${width}x${height}`);
      }
      frames.push(frame);
      control = { ...control, transparent: null };
      at = skipSubBlocks(bytes, frame.data);
    } else at += 1; // decoders pass over what they do not know
  }
  return frames;
}

/** A disposal stays for the frames that name none; a transparent colour is for one frame. */
function readControl(view, at, before) {
  const [flags, number] = [view.getUint8(at + 3), view.getUint8(at + 6)];
  return {
    transparent: flags & 1 ? number : before.transparent,
    disposal: (flags >> 2) & 7 || before.disposal,
  };
}

function readPlace(bytes, view, at, shared) {
  const [left, top, width, height] = [1, 3, 5, 7].map((offset) => view.getUint16(at + offset, true));
  const flags = view.getUint8(at + 9);
  const code = at + 10 + tableBytes(flags);
  return {
    left,
    top,
    width,
    height,
    interlaced: (flags & 0x40) !== 0,
    palette: flags & 0x80 ? tableAt(bytes, at + 10, flags) : shared,
    codeSize: view.getUint8(code),
    data: code + 1,
  };
}

function tableBytes(flags) {
  return flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;
}

function tableAt(bytes, at, flags) {
  return bytes.subarray(at, at + tableBytes(flags));
}

function skipSubBlocks(bytes, at) {
  while (at < bytes.length && bytes[at]) at += bytes[at] + 1;
  return at + 1;
}

function subBlocks(bytes, start) {
  const parts = [];
  for (let at = start; bytes[at]; at += bytes[at] + 1) {
    if (at + bytes[at] >= bytes.length) throw new Error("a block is cut off");
    parts.push(bytes.subarray(at + 1, at + 1 + bytes[at]));
  }
  return parts;
}

/**
 * RGBA. The first frame decides whether the canvas can be transparent at all; where it draws
 * nothing lies its transparent colour, or else the first of its palette.
 */
function startCanvas(width, height, { palette, transparent }) {
  const pixels = new Uint8Array(width * height * 4);
  const canvas = { width, height, pixels, opaque: transparent === null };
  fill(canvas, { left: 0, top: 0, width, height }, colour(palette, transparent ?? 0), 0);
  return canvas;
}

/** What has to happen to the canvas before the next frame is drawn. */
function disposal(canvas, frame, ground, first) {
  const clear = frame.transparent !== null;
  if (frame.disposal > TO_BACKGROUND && (clear || !first)) {
    const before = canvas.pixels.slice();
    return () => canvas.pixels.set(before); // the next frames see this one's place as it was
  }
  if (frame.disposal !== TO_BACKGROUND) return () => {};
  let number = clear ? frame.transparent : ground;
  // Beyond the palette: the first colour, except in the first frame, which stays numbers.
  if (!first && 3 * number + 3 > frame.palette.length) number = 0;
  return () => fill(canvas, frame, colour(frame.palette, number), clear ? 0 : 255);
}

function fill(canvas, place, [red, green, blue], alpha) {
  const rgba = [red, green, blue, canvas.opaque ? 255 : alpha];
  eachRow(canvas, place, (at, end) => {
    for (let to = at; to < end; to += 4) canvas.pixels.set(rgba, to);
  });
}

function draw(canvas, frame, numbers) {
  const { pixels } = canvas;
  const rows = rowOrder(frame);
  eachRow(canvas, frame, (at, end, y) => {
    for (let to = at, from = rows[y] * frame.width; to < end; to += 4, from += 1) {
      const number = numbers[from];
      if (number === frame.transparent) continue;
      for (let c = 0; c < 3; c += 1) pixels[to + c] = frame.palette[3 * number + c] ?? 0;
      pixels[to + 3] = 255;
    }
  });
}

/** Where each row of a place begins and ends in the canvas' pixels. */
function eachRow(canvas, { left, top, width, height }, visit) {
  for (let y = 0; y < height; y += 1) {
    const at = 4 * ((top + y) * canvas.width + left);
    visit(at, at + 4 * width, y);
  }
}

/** Black beyond the palette. */
function colour(palette, number) {
  const at = 3 * number;
  return at + 3 <= palette.length ? palette.subarray(at, at + 3) : [0, 0, 0];
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
