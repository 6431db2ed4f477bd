// Transparency laid on white, as Pillow's alpha_composite does it.

/** A value (0 to 255) with an alpha (0 to 255) on white: rounded once, from seven more bits. */
export function onWhite(value, alpha) {
  const exact = (value * alpha + 255 * (255 - alpha) + 0x80) << 7;
  return (((exact >> 8) + exact) >> 8) >> 7;
}

/** RGBA pixels on white, as RGB. */
export function layOnWhite({ width, height, pixels }) {
  const out = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; to < out.length; from += 4, to += 3) {
    const alpha = pixels[from + 3];
    for (let c = 0; c < 3; c += 1) out[to + c] = onWhite(pixels[from + c], alpha);
  }
  return { width, height, channels: 3, pixels: out };
}
