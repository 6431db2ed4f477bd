// Pillow's bilinear resize, number for number: a triangle as wide as the reduction asks for, in
// two passes, each rounded to 8 bits from fixed point (Pillow's Resample.c).

const PRECISION = 22; // bits after the point: 32 less 8 of the value and 2 to spare

/**
 * @param picture {width, height, channels, pixels: Uint8Array, row by row}
 * @returns the same for the new size; the picture itself when nothing changes
 */
export function resizeBilinear(picture, newWidth, newHeight) {
  // The order shows in the rounding. Down first where the height loses far more: since Pillow 13.
  const lost = [picture.width - newWidth, picture.height - newHeight];
  if (lost[1] > Math.max(0, 2 * lost[0])) {
    return resizeRows(resizeColumns(picture, newHeight), newWidth);
  }
  return resizeColumns(resizeRows(picture, newWidth), newHeight);
}

function resizeRows(picture, newWidth) {
  const { width, height, channels, pixels } = picture;
  if (newWidth === width) return picture;
  const out = new Uint8Array(newWidth * height * channels);
  const windows = windowsOf(width, newWidth);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < newWidth; x += 1) {
      const { first, weights } = windows[x];
      for (let c = 0; c < channels; c += 1) {
        const start = (y * width + first) * channels + c;
        out[(y * newWidth + x) * channels + c] = weighted(pixels, start, channels, weights);
      }
    }
  }
  return { width: newWidth, height, channels, pixels: out };
}

function resizeColumns(picture, newHeight) {
  const { width, height, channels, pixels } = picture;
  if (newHeight === height) return picture;
  const row = width * channels;
  const out = new Uint8Array(newHeight * row);
  windowsOf(height, newHeight).forEach(({ first, weights }, y) => {
    for (let i = 0; i < row; i += 1) {
      out[y * row + i] = weighted(pixels, first * row + i, row, weights);
    }
  });
  return { width, height: newHeight, channels, pixels: out };
}

/** The sum stays below 2^31, so it is exact, and the shift rounds as C's does. */
function weighted(pixels, start, step, weights) {
  let sum = 1 << (PRECISION - 1);
  for (let i = 0, at = start; i < weights.length; i += 1, at += step) {
    sum += pixels[at] * weights[i];
  }
  return Math.min(255, Math.max(0, sum >> PRECISION));
}

/** For every new pixel: the first old one that it sees, and fixed-point weights from there on. */
function windowsOf(size, newSize) {
  const scale = size / newSize;
  const reach = Math.max(1, scale); // half the triangle's base: 1 when a picture grows
  return Array.from({ length: newSize }, (_, index) => {
    const centre = (index + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const last = Math.min(size, Math.trunc(centre + reach + 0.5));
    const inverse = 1 / reach;
    const raw = [];
    let total = 0;
    for (let at = first; at < last; at += 1) {
      const weight = Math.max(0, 1 - Math.abs((at - centre + 0.5) * inverse));
      raw.push(weight);
      total += weight;
    }
    const fixed = raw.map((weight) => Math.trunc(0.5 + (weight / total) * (1 << PRECISION)));
    return { first, weights: Int32Array.from(fixed) };
  });
}
