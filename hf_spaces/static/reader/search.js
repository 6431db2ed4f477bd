// Prefix beam search for the most probable texts: the twin of captcha_ocr/search.py, without its
// constraints (Graves et al. 2006, section 3.2; Hannun et al. 2014, algorithm 1).

import { bestPath, BLANK, logAddExp, pathRuns } from "./alignment.js";

/** Different label lists, the most promising first; the best path's is always among them. */
export function prefixSearch(logProbs, width) {
  let beam = [{ labels: [], key: "", endsBlank: 0, endsLabel: -Infinity }];
  for (let t = 0; t < logProbs.steps; t += 1) beam = advance(beam, columnOf(logProbs, t), width);
  const best = pathRuns(bestPath(logProbs)).map((run) => run.label);
  if (!beam.some((prefix) => prefix.key === keyOf(best))) beam.push({ labels: best });
  return beam.map((prefix) => prefix.labels);
}

function columnOf({ classes, values }, t) {
  return values.subarray(t * classes, (t + 1) * classes);
}

function keyOf(labels) {
  return labels.map((label) => `${label},`).join("");
}

/** One column: every prefix stays or grows by one label; the best `width` are kept. */
function advance(beam, column, width) {
  const inBeam = new Map(beam.map((prefix) => [prefix.key, prefix]));
  const stayed = beam.map((prefix) => stay(prefix, column));
  beam.forEach((prefix, i) => {
    // A prefix that grows into one already in the beam is the same text: it is added there.
    const parent = prefix.labels.length ? inBeam.get(keyOf(prefix.labels.slice(0, -1))) : null;
    if (!parent) return;
    const grown = grow(parent, prefix.labels.at(-1), column);
    stayed[i].endsLabel = logAddExp(stayed[i].endsLabel, grown);
  });
  const next = [...stayed];
  const symbols = likeliest(column, width);
  for (const prefix of beam) {
    for (const label of symbols) {
      const key = `${prefix.key}${label},`;
      const endsLabel = inBeam.has(key) ? -Infinity : grow(prefix, label, column);
      if (endsLabel > -Infinity) {
        next.push({ labels: [...prefix.labels, label], key, endsBlank: -Infinity, endsLabel });
      }
    }
  }
  return next.sort((a, b) => total(b) - total(a)).slice(0, width);
}

/** A blank after anything, or the last label once more. */
function stay(prefix, column) {
  const again = prefix.labels.length ? prefix.endsLabel + column[prefix.labels.at(-1)] : -Infinity;
  return { ...prefix, endsBlank: total(prefix) + column[BLANK], endsLabel: again };
}

/** The last label again needs a blank before. */
function grow(prefix, label, column) {
  const before = prefix.labels.at(-1) === label ? prefix.endsBlank : total(prefix);
  return before + column[label];
}

function total({ endsBlank, endsLabel }) {
  return logAddExp(endsBlank, endsLabel);
}

/**
 * Enough of a column's labels that none of the best `width` prefixes is missed: at most `width` of
 * a prefix's children are in the beam already, and the others rank as their labels do.
 */
function likeliest(column, width) {
  const labels = Array.from({ length: column.length - 1 }, (_, i) => i + 1);
  return labels.sort((a, b) => column[b] - column[a]).slice(0, 2 * width + 1);
}
