// What is fetched once and kept.

/** A function of a key: what `make` promised for it the first time; anew when that has failed. */
export function remembered(make) {
  const promises = new Map();
  return (key) => {
    if (!promises.has(key)) {
      const promise = make(key);
      promises.set(key, promise);
      promise.catch(() => promises.delete(key));
    }
    return promises.get(key);
  };
}
