// Prefix beam search for the most probable texts: the twin of captcha_ocr/constraints/search.py, without its
// constraints (Graves et al. 2006, section 3.2; Hannun et al. 2014, algorithm 1).

import { bestPath, BLANK, logAddExp, pathRuns } from "./alignment.js";
import { greatest } from "./ranking.js";

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
  const stayed = beam.map((prefix) => {
    const next = stay(prefix, column);
    // A prefix that grows into one already in the beam is the same text: it is added there.
    const parent = prefix.labels.length ? inBeam.get(keyOf(prefix.labels.slice(0, -1))) : null;
    if (parent) {
      next.endsLabel = logAddExp(next.endsLabel, grow(parent, prefix.labels.at(-1), column));
    }
    return { score: total(next), make: () => next };
  });
  const symbols = likeliest(column, width);
  const grown = beam.flatMap((prefix) =>
    symbols
      .filter((label) => !inBeam.has(prefix.key + keyOf([label])))
      .map((label) => {
        const score = grow(prefix, label, column);
        return { score, make: () => longer(prefix, label, score) };
      }),
  );
  const possible = [...stayed, ...grown].filter(({ score }) => score > -Infinity);
  const best = possible.sort((a, b) => b.score - a.score).slice(0, width);
  return best.map(({ make }) => make());
}

function longer(prefix, label, endsLabel) {
  const key = prefix.key + keyOf([label]);
  return { labels: [...prefix.labels, label], key, endsBlank: -Infinity, endsLabel };
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
  return greatest(column, 2 * width + 2).filter((label) => label !== BLANK);
}
