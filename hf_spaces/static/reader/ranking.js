/** Indices of the `count` greatest values, the greatest first. Far quicker than sorting them all. */
export function greatest(values, count) {
  const least = Float64Array.from(values).sort()[Math.max(0, values.length - count)];
  const found = [];
  values.forEach((value, index) => {
    if (value >= least) found.push(index);
  });
  return found.sort((a, b) => values[b] - values[a] || a - b).slice(0, count);
}
