// Reads pictures beside the page, which so stays quick: {id, archs, file, explained} in, {id, result}
// or {id, error} out, one after the other. Without a file, the models are only loaded.

import { ReadError } from "./errors.js";
import { loadModel } from "./model.js";
import { readPicture } from "./reading.js";
import { remembered } from "./remember.js";

const modelNamed = remembered(loadModel);
let queue = Promise.resolve();

addEventListener("message", ({ data: job }) => {
  queue = queue.then(() => answer(job));
});

async function answer({ id, archs, file, explained }) {
  try {
    const loaded = await Promise.all(archs.map(modelNamed));
    const bytes = file && new Uint8Array(await file.arrayBuffer().catch(lost));
    postMessage({ id, result: bytes ? await readPicture(bytes, loaded, explained) : null });
  } catch (error) {
    const { code, message } = error instanceof ReadError ? error : new ReadError("other", `${error}`);
    postMessage({ id, error: { code, message } });
  }
}

/** The file has gone, or has changed since it was chosen. */
function lost(error) {
  throw new ReadError("lost", error.message);
}
