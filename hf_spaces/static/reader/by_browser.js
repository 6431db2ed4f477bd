// JPEG, WebP and BMP through the browser's decoder, with everything switched off that would
// change the pixels: colour profiles, and the turning that a camera asks for.

/** @param checkSize throws for a size that is not read */
export async function decodeByBrowser(bytes, type, checkSize) {
  const bitmap = await createImageBitmap(new Blob([bytes], { type }), {
    colorSpaceConversion: "none",
    imageOrientation: "none",
    premultiplyAlpha: "none",
  });
  try {
    checkSize(bitmap.width, bitmap.height);
    return onWhiteCanvas(bitmap);
  } finally {
    bitmap.close();
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
