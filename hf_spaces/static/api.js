// What the served page's api.js is, without a server: the worker reads, and what servers say about
// themselves lies in files. The build puts this module in that one's place.

import { remembered } from "../reader/remember.js";
import { ApiError } from "./errors.js";
import { load } from "./storage.js";
import "./strings-here.js";

const WORKER = "reader/worker.js";
const json = remembered(fetched); // the page reads on when its host has gone
const waiting = new Map(); // id -> {resolve, reject}
let nextId = 1;
let worker = null;
let broken = null; // why no worker can work in this browser

function begin() {
  worker = new Worker(new URL(`../${WORKER}`, import.meta.url), { type: "module" });
  worker.addEventListener("message", ({ data: { id, result, error } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new ApiError(error.code, error.message));
    else resolve(result);
  });
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    // What cannot be fetched has no words for it, and may be there the next time.
    const lost = `${WORKER}, or what it imports; .js and .mjs are sent as JavaScript`;
    const error = new ApiError(event.message ? "browser" : "network", event.message ?? lost);
    if (event.message) broken = error;
    worker = null;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  });
}

/** `readyz` once the chosen model is loaded; what the server says to any other path. */
export async function getJson(path) {
  if (path !== "readyz") return json(path);
  const { default: first } = await json("models");
  return ask({ archs: await archsOf(load("arch", first)) });
}

/** One picture, explained. */
export async function explain(file, { arch }, signal) {
  return ask({ archs: await archsOf(arch), file, explained: true }, signal);
}

/** Many pictures; onResult is called for each as soon as it is read. */
export async function readMany(files, { arch }, signal, onResult) {
  const archs = await archsOf(arch);
  for (const [index, file] of files.entries()) {
    try {
      onResult({ ...(await ask({ archs, file, explained: false }, signal)), index });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      onResult({ index, error: { code: error.code, message: error.message } });
    }
  }
}

/** Rejects at once when the signal asks for it; the worker then works for nobody. */
function ask(job, signal) {
  return new Promise((resolve, reject) => {
    if (broken) throw broken;
    signal?.throwIfAborted();
    signal?.addEventListener("abort", () => reject(signal.reason));
    const id = nextId++;
    waiting.set(id, { resolve, reject });
    if (!worker) begin();
    worker.postMessage({ id, ...job });
  });
}

async function archsOf(arch) {
  const { default: first, models } = await json("models");
  const names = models.map((model) => model.name);
  if (arch === "all") return names;
  return [names.includes(arch) ? arch : first];
}

async function fetched(path) {
  const response = await fetch(`api/${path}.json`).catch((error) => ({ statusText: error.message }));
  if (!response.ok) throw new ApiError("network", `api/${path}.json: ${response.statusText}`);
  return response.json();
}
