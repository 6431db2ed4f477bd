// Connectionist temporal classification: the probability of a text, and where it stands. The twin
// of captcha_ocr/alignment.py (Graves et al. 2006, sections 3 and 4.1).
//
// Log-probabilities are {steps: T, classes: C, values: Float64Array (T, C)}; class 0 is the blank.

export const BLANK = 0;
const LOG_ZERO = -1e6; // a path through impossible columns still beats a forbidden one

/** log(exp(a) + exp(b)). */
export function logAddExp(a, b) {
  const most = Math.max(a, b);
  return most === -Infinity ? most : most + Math.log1p(Math.exp(-Math.abs(a - b)));
}

/** The best class of each column. */
export function bestPath({ steps, classes, values }) {
  return Array.from({ length: steps }, (_, t) => {
    const start = t * classes;
    let best = 0;
    for (let c = 1; c < classes; c += 1) if (values[start + c] > values[start + best]) best = c;
    return best;
  });
}

/** The runs of a path that are no blanks: [{label, start, end}]. */
export function pathRuns(path) {
  const runs = [];
  path.forEach((label, t) => {
    if (label === BLANK) return;
    if (label === path[t - 1]) runs.at(-1).end = t + 1;
    else runs.push({ label, start: t, end: t + 1 });
  });
  return runs;
}

/** Labels with a blank before, between and after. */
function extendedStates(labels) {
  return [BLANK, ...labels.flatMap((label) => [label, BLANK])];
}

/** Whether a state may be entered from two before: over a blank, between different labels. */
function maySkip(states, s) {
  return s >= 2 && states[s] !== BLANK && states[s] !== states[s - 2];
}

/** log P(labels | picture), over all alignments: the forward variables. */
export function ctcLogProb({ steps, classes, values }, labels) {
  const states = extendedStates(labels);
  let alpha = states.map((label, s) => (s < 2 ? values[label] : -Infinity));
  for (let t = 1; t < steps; t += 1) {
    alpha = states.map((label, s) => {
      let sum = s > 0 ? logAddExp(alpha[s], alpha[s - 1]) : alpha[s];
      if (maySkip(states, s)) sum = logAddExp(sum, alpha[s - 2]);
      return sum + values[t * classes + label];
    });
  }
  return labels.length ? logAddExp(alpha.at(-1), alpha.at(-2)) : alpha[0];
}

/** Columns {start, end} of each label on the most probable path (Viterbi). */
export function align(logProbs, labels) {
  const path = viterbi(logProbs, extendedStates(labels));
  return labels.map((_, i) => {
    const state = 2 * i + 1;
    return { start: path.indexOf(state), end: path.lastIndexOf(state) + 1 };
  });
}

function viterbi({ steps, classes, values }, states) {
  const emission = (t, s) => Math.max(values[t * classes + states[s]], LOG_ZERO);
  let score = states.map((_, s) => (s < 2 ? emission(0, s) : -Infinity));
  const back = [null]; // how many states each step advanced
  for (let t = 1; t < steps; t += 1) {
    back.push(states.map((_, s) => bestMove(score, states, s)));
    score = states.map((_, s) => score[s - back[t][s]] + emission(t, s));
  }
  const end = states.length - 1;
  const path = Array(steps);
  path[steps - 1] = end === 0 || score[end] >= score[end - 1] ? end : end - 1;
  for (let t = steps - 1; t > 0; t -= 1) path[t - 1] = path[t] - back[t][path[t]];
  return path;
}

function bestMove(score, states, s) {
  let best = 0;
  if (s >= 1 && score[s - 1] > score[s]) best = 1;
  if (maySkip(states, s) && score[s - 2] > score[s - best]) best = 2;
  return best;
}
