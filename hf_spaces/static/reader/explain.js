// What the explain view draws: the twin of captcha_ocr/web/explain.py.

import { bestPath, BLANK } from "./alignment.js";
import { greatest } from "./ranking.js";

const TOP = 3; // candidates listed for each column
const ROWS = 24; // most characters drawn in the heat map
const NOTICEABLE = 0.02; // a character below this in every column is not drawn

/** @param pictureColumns how many of the columns the picture covers; the rest is padding */
export function explain(logProbs, symbols, text, { pictureColumns, widthStride }) {
  const { steps, classes } = logProbs;
  const p = logProbs.values.map(Math.exp);
  const symbol = (index) => (index === BLANK ? "" : symbols[index - 1]);
  const path = bestPath(logProbs).map(symbol);
  const top = Array.from({ length: steps }, (_, t) => {
    const column = p.subarray(t * classes, (t + 1) * classes);
    return greatest(column, TOP).map((i) => ({ char: symbol(i), p: round(column[i], 4) }));
  });
  return {
    columns: steps,
    picture_columns: round(pictureColumns, 3),
    width_stride: widthStride,
    rows: heatRows(p, steps, classes, new Set([...text].map((char) => symbols.indexOf(char) + 1)), symbol),
    top,
    path,
    merged: path.filter((char, i) => i === 0 || char !== path[i - 1]),
  };
}

/** The blank's row, the text's characters and others that are noticeable, as they peak. */
function heatRows(p, steps, classes, read, symbol) {
  const row = (c) => Array.from({ length: steps }, (_, t) => p[t * classes + c]);
  const peaks = new Float64Array(classes);
  p.forEach((value, i) => (peaks[i % classes] = Math.max(peaks[i % classes], value)));
  const others = greatest(peaks, ROWS + 1).filter((c) => c !== BLANK && !read.has(c));
  const noticeable = others
    .slice(0, Math.max(0, ROWS - read.size))
    .filter((c) => peaks[c] >= NOTICEABLE);
  const place = (c) => row(c).indexOf(peaks[c]);
  const drawn = [...read, ...noticeable].sort((a, b) => place(a) - place(b) || a - b);
  return [BLANK, ...drawn].map((c) => ({
    char: symbol(c),
    p: row(c).map((value) => round(value, 4)),
  }));
}

export function round(value, digits) {
  return Number(value.toFixed(digits));
}
