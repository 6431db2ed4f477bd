// Transparency laid on white, as Pillow's alpha_composite does it.

/** A value (0 to 255) with an alpha (0 to 255) on white: rounded once, from seven more bits. */
export function onWhite(value, alpha) {
  const exact = (value * alpha + 255 * (255 - alpha) + 0x80) << 7;
  return (((exact >> 8) + exact) >> 8) >> 7;
}
