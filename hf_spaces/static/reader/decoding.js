// From a model's logits to a text with confidences: the twin of captcha_ocr/decoding.py.

import { align, bestPath, ctcLogProb, pathRuns } from "./alignment.js";
import { prefixSearch } from "./search.js";

const BEAM_WIDTH = 16;

/** Logits {steps, classes, values} to natural log-probabilities of the same shape. */
export function logSoftmax({ steps, classes, values }, temperature = 1) {
  const out = new Float64Array(steps * classes);
  for (let start = 0; start < out.length; start += classes) {
    const row = values.subarray(start, start + classes);
    const most = row.reduce((a, b) => Math.max(a, b));
    let sum = 0;
    for (let c = 0; c < classes; c += 1) {
      out[start + c] = (row[c] - most) / temperature;
      sum += Math.exp(out[start + c]);
    }
    if (!Number.isFinite(sum)) throw new Error("logits hold NaN or infinity: the model is broken");
    for (let c = 0; c < classes; c += 1) out[start + c] -= Math.log(sum);
  }
  return { steps, classes, values: out };
}

/**
 * The `topK` most probable texts, best first: greedy for one, else a prefix beam.
 *
 * @param symbols the charset: symbols[i] is class i + 1
 * @returns [{text, confidence: P(text | picture), characters: [{char, confidence, start, end}]}]
 */
export function decode(logProbs, symbols, topK = 1) {
  return topK === 1 ? [greedy(logProbs, symbols)] : prefixBeam(logProbs, symbols, topK);
}

/** The best path's text; its runs are the characters' columns. */
function greedy(logProbs, symbols) {
  const runs = pathRuns(bestPath(logProbs));
  const labels = runs.map((run) => run.label);
  return reading(logProbs, symbols, labels, runs, ctcLogProb(logProbs, labels));
}

function prefixBeam(logProbs, symbols, topK) {
  return prefixSearch(logProbs, BEAM_WIDTH)
    .map((labels) => ({ labels, score: ctcLogProb(logProbs, labels) })) // the beam's lacks paths
    .sort((a, b) => b.score - a.score)
    .slice(0, topK)
    .map(({ labels, score }) => reading(logProbs, symbols, labels, align(logProbs, labels), score));
}

function reading({ classes, values }, symbols, labels, spans, score) {
  const characters = labels.map((label, i) => {
    const { start, end } = spans[i];
    let peak = -Infinity;
    for (let t = start; t < end; t += 1) peak = Math.max(peak, values[t * classes + label]);
    return { char: symbols[label - 1], confidence: probability(peak), start, end };
  });
  const text = characters.map(({ char }) => char).join("");
  return { text, confidence: probability(score), characters };
}

/** exp, kept in [0, 1] where rounding would leave 1.0000001. */
function probability(logarithm) {
  return Math.min(1, Math.exp(logarithm));
}
