// What was read against what is true: edits for the marks, and the running EM and CER.

/**
 * The shortest edits from `truth` to `text`, left to right:
 * [{kind: "same" | "wrong" | "extra" | "missing", read, true}].
 */
export function edits(text, truth) {
  const read = [...text];
  const real = [...truth];
  const cost = costs(read, real);
  const found = [];
  let i = read.length;
  let j = real.length;
  while (i > 0 || j > 0) {
    const differs = i > 0 && j > 0 && read[i - 1] !== real[j - 1];
    if (i > 0 && j > 0 && cost[i][j] === cost[i - 1][j - 1] + (differs ? 1 : 0)) {
      i -= 1;
      j -= 1;
      found.push({ kind: differs ? "wrong" : "same", read: read[i], true: real[j] });
    } else if (i > 0 && cost[i][j] === cost[i - 1][j] + 1) {
      i -= 1;
      found.push({ kind: "extra", read: read[i], true: "" });
    } else {
      j -= 1;
      found.push({ kind: "missing", read: "", true: real[j] });
    }
  }
  return found.reverse();
}

export function countErrors(list) {
  return list.filter((edit) => edit.kind !== "same").length;
}

/** Over pairs {text, truth}: {n, right, em, folded, cer}, folded being EM with case aside;
 * null when there are none. */
export function score(pairs) {
  if (!pairs.length) return null;
  const right = pairs.filter((pair) => pair.text === pair.truth).length;
  const rightFolded = pairs.filter((pair) => fold(pair.text) === fold(pair.truth)).length;
  let errors = 0;
  let characters = 0;
  for (const { text, truth } of pairs) {
    errors += countErrors(edits(text, truth));
    characters += [...truth].length;
  }
  const n = pairs.length;
  return { n, right, em: right / n, folded: rightFolded / n, cer: errors / characters };
}

function fold(text) {
  return text.toLowerCase();
}

function costs(read, real) {
  const table = Array.from({ length: read.length + 1 }, (_, i) => [i]);
  for (let j = 1; j <= real.length; j += 1) table[0][j] = j;
  for (let i = 1; i <= read.length; i += 1) {
    for (let j = 1; j <= real.length; j += 1) {
      const same = read[i - 1] === real[j - 1] ? 0 : 1;
      table[i][j] = Math.min(
        table[i - 1][j - 1] + same,
        table[i - 1][j] + 1,
        table[i][j - 1] + 1,
      );
    }
  }
  return table;
}
