// PNG to RGB pixels (ISO/IEC 15948), with Pillow's choices where there is one: 16 bits are cut to
// 8, colour profiles and gamma are left alone, transparency is laid on white.

import { ReadError } from "./errors.js";
import { onWhite } from "./white.js";

const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }; // by colour type
const DEPTHS = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] };
const GREY = 0;
const PALETTE = 3;
const CHECKED = ["IHDR", "PLTE", "tRNS"]; // the pixels have a checksum of their own
const MAX_CHUNKS = 4_000; // as captcha_ocr/segments.py
const NAME = /^\w{4}$/;
const NOTE = /^(?!IHDR|PLTE|tRNS)[A-Za-z]{4}$/; // no pixel depends on it
const COLOURS = 256; // a palette's, at most
const CRC_OF_BYTE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1) rest = (rest & 1 ? 0xedb88320 : 0) ^ (rest >>> 1);
  return rest;
});
// Adam7: first column and row of each pass, and its steps.
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/** @param checkSize throws for a size that is not read; called before anything is inflated */
export async function decodePng(bytes, checkSize) {
  const { header, palette, transparency, parts } = readChunks(bytes, checkSize);
  const passes = passesOf(header);
  const size = passes.reduce((sum, pass) => sum + pass.height * (1 + pass.rowBytes), 0);
  const raw = await inflate(parts, size);
  const Samples = isDeepGrey(header) ? Uint16Array : Uint8Array;
  const samples = new Samples(header.width * header.height * header.channels);
  let at = 0;
  for (const pass of passes) {
    unfilter(raw, at, pass, Math.max(1, (header.channels * header.depth) >> 3));
    spread(raw, at, pass, header, samples);
    at += pass.height * (1 + pass.rowBytes);
  }
  return toRgb(header, samples, palette, transparency);
}

function readChunks(bytes, checkSize) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found = { header: null, palette: new Uint8Array(), transparency: null, parts: [] };
  for (let at = 8, count = 1; at + 8 <= bytes.length; count += 1) {
    if (count > MAX_CHUNKS) throw new Error(`a PNG of more than ${MAX_CHUNKS} chunks`);
    const length = view.getUint32(at);
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (name === "IEND") break;
    if (name === "IDAT") found.parts.push(body);
    else if (found.parts.length) {
      if (!NOTE.test(name)) break; // the picture is complete
    } else if (CHECKED.includes(name)) {
      const whole = bytes.subarray(at + 4, at + 8 + length);
      if (crc32(whole) !== view.getUint32(at + 8 + length)) throw new Error(`the sum of ${name}`);
      if (name === "IHDR") found.header = readHeader(view, at + 8, length, checkSize);
      else if (name === "PLTE") found.palette = body.subarray(0, length - (length % 3));
      else found.transparency = body;
    } else if (!NAME.test(name)) throw new Error("a chunk of no name");
    at += 12 + length;
  }
  if (!found.header || !found.parts.length) throw new Error("no header or no pixels");
  return found;
}

/** ISO 15948, annex D. */
function crc32(bytes) {
  let rest = -1;
  for (const byte of bytes) rest = CRC_OF_BYTE[(rest ^ byte) & 0xff] ^ (rest >>> 8);
  return ~rest >>> 0;
}

function readHeader(view, at, length, checkSize) {
  if (length < 13) throw new Error("the header is cut off");
  const [width, height] = [view.getUint32(at), view.getUint32(at + 4)];
  const [depth, type] = [view.getUint8(at + 8), view.getUint8(at + 9)];
  if (!DEPTHS[type]?.includes(depth)) throw new Error(`colour type ${type} of ${depth} bits`);
  if (!width || !height) throw new Error(`${width}x${height} pixels`);
  if (view.getUint8(at + 11)) throw new Error("an unknown kind of filters");
  checkSize(width, height);
  const interlaced = view.getUint8(at + 12) !== 0;
  return { width, height, depth, type, interlaced, channels: CHANNELS[type] };
}

function passesOf({ width, height, depth, channels, interlaced }) {
  const grids = interlaced ? ADAM7 : [[0, 0, 1, 1]];
  return grids
    .map(([left, top, stepX, stepY]) => {
      const columns = Math.ceil((width - left) / stepX);
      const rows = Math.ceil((height - top) / stepY);
      const rowBytes = Math.ceil((columns * channels * depth) / 8);
      return { left, top, stepX, stepY, width: columns, height: rows, rowBytes };
    })
    .filter((pass) => pass.width > 0 && pass.height > 0);
}

/** Exactly `size` bytes; what a file says beyond them is never inflated. */
async function inflate(parts, size) {
  if (!globalThis.DecompressionStream) throw new ReadError("browser", "DecompressionStream");
  const stream = new DecompressionStream("deflate");
  const writer = stream.writable.getWriter();
  const heard = () => {}; // the reader below is told of bad data too
  // Nothing, last: it waits until what came before was taken, of which an error at the end, such as
  // a sum that is cut off, would else drop what nobody has taken yet.
  for (const part of [...parts, new Uint8Array()]) writer.write(part).catch(heard);
  writer.close().catch(heard);
  const reader = stream.readable.getReader();
  const out = new Uint8Array(size);
  for (let filled = 0; filled < size; ) {
    const { done, value } = await reader.read();
    if (done) throw new Error("pixels are missing");
    out.set(value.subarray(0, size - filled), filled);
    filled += value.length;
  }
  reader.cancel().catch(heard); // the rest may be anything
  return out;
}

/** Undoes the filter of every row, in place. `step`: bytes to the pixel on the left. */
function unfilter(raw, start, { height, rowBytes }, step) {
  for (let y = 0, at = start; y < height; y += 1, at += 1 + rowBytes) {
    const filter = raw[at];
    if (filter > 4) throw new Error(`filter ${filter}`);
    for (let i = 0; i < rowBytes; i += 1) {
      const here = at + 1 + i;
      const left = i >= step ? raw[here - step] : 0;
      const up = y > 0 ? raw[here - 1 - rowBytes] : 0;
      const corner = y > 0 && i >= step ? raw[here - 1 - rowBytes - step] : 0;
      raw[here] += guess(filter, left, up, corner); // modulo 256, as a byte is
    }
  }
}

function guess(filter, left, up, corner) {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  return filter === 4 ? paeth(left, up, corner) : 0;
}

function paeth(left, up, corner) {
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

/** Of 16 bits, which all count for what is transparent; of colours Pillow looks at 8. */
function isDeepGrey({ depth, type }) {
  return type === GREY && depth === 16;
}

/** Puts the samples where they belong, as 8 bits, of deep grey 16; a palette's numbers as they are. */
function spread(raw, start, pass, header, samples) {
  const { width, depth, type, channels } = header;
  const most = (1 << depth) - 1;
  const factor = type === GREY && depth < 8 ? 255 / most : 1;
  const perRow = pass.width * channels;
  for (let y = 0, row = start + 1; y < pass.height; y += 1, row += 1 + pass.rowBytes) {
    for (let i = 0; i < perRow; i += 1) {
      const x = pass.left + Math.floor(i / channels) * pass.stepX;
      const to = ((pass.top + y * pass.stepY) * width + x) * channels + (i % channels);
      samples[to] = factor * sample(raw, row, i, depth, most);
      if (isDeepGrey(header)) samples[to] = (samples[to] << 8) | raw[row + 2 * i + 1];
    }
  }
}

function sample(raw, row, index, depth, most) {
  if (depth === 8) return raw[row + index];
  if (depth === 16) return raw[row + 2 * index];
  const bit = index * depth;
  return (raw[row + (bit >> 3)] >> (8 - depth - (bit & 7))) & most;
}

function toRgb(header, samples, palette, transparency) {
  const { width, height, type, channels } = header;
  const pixels = new Uint8Array(width * height * 3);
  if (type === PALETTE && (palette.length > 3 * COLOURS || transparency?.length > COLOURS)) {
    throw new Error(`a palette of more than ${COLOURS} colours`);
  }
  const hidden = type === PALETTE ? null : hiddenColour(transparency, header);
  const shift = isDeepGrey(header) ? 8 : 0;
  for (let from = 0, to = 0; to < pixels.length; from += channels, to += 3) {
    let [source, at] = [samples, from];
    let alpha = channels % 2 ? 255 : samples[from + channels - 1];
    if (type === PALETTE) {
      [source, at] = [palette, 3 * samples[from]];
      alpha = transparency?.[samples[from]] ?? 255;
    } else if (hidden?.every((value, c) => value === samples[from + c])) alpha = 0;
    const step = channels < 3 && type !== PALETTE ? 0 : 1; // grey: one value for all three
    for (let c = 0; c < 3; c += 1) {
      pixels[to + c] = onWhite((source[at + c * step] ?? 0) >> shift, alpha);
    }
  }
  return { width, height, channels: 3, pixels };
}

/** tRNS of a picture without a palette: the one colour that is not there, a value a channel. */
function hiddenColour(transparency, header) {
  const { depth, channels } = header;
  if (!transparency || channels % 2 === 0) return null;
  if (transparency.length < 2 * channels) throw new Error("tRNS is cut off");
  if (isDeepGrey(header)) return [(transparency[0] << 8) | transparency[1]];
  return Array.from({ length: channels }, (_, c) => {
    const [high, low] = transparency.subarray(2 * c);
    if (depth === 1) return high || low ? 255 : 0;
    return low; // Pillow compares the low byte
  });
}
