// The server, as the page uses it. Paths are relative, so the page works behind any prefix.

import { ApiError } from "./errors.js";

const RETRIES = 5;
const PATIENCE_MILLISECONDS = 10_000; // for what a server can say at once
const RETRY_CODES = new Set(["rate", "busy"]);

export async function getJson(path) {
  const signal = AbortSignal.timeout(PATIENCE_MILLISECONDS);
  const response = await request(`api/${path}`, { headers: { Accept: "application/json" }, signal });
  return response.json().catch(brokenOff);
}

/** One picture, explained. */
export async function explain(file, options, signal) {
  const body = formOf([await inMemory(file)], { ...options, explain: "true" });
  const response = await patiently({ method: "POST", body, signal });
  const { results } = await response.json().catch(brokenOff);
  return results[0];
}

/** Many pictures; onResult is called for each as soon as it is read. */
export async function readMany(files, options, signal, onResult) {
  const sent = []; // {file, index}
  for (const [index, file] of files.entries()) {
    try {
      sent.push({ file: await inMemory(file), index });
    } catch ({ code, message }) {
      signal.throwIfAborted();
      onResult({ index, error: { code, message } });
    }
  }
  if (!sent.length) return;
  const body = formOf(sent.map(({ file }) => file), options);
  const headers = { Accept: "application/x-ndjson" };
  const response = await patiently({ method: "POST", body, headers, signal });
  await readLines(response, (result) => onResult({ ...result, index: sent[result.index].index }));
}

/** A copy. Of a file that has gone, a request says only that it failed, and with all its others. */
async function inMemory(file) {
  try {
    return new File([await file.arrayBuffer()], file.name, { type: file.type });
  } catch (error) {
    throw new ApiError("lost", error.message);
  }
}

/** Waits and asks again when the server is busy. */
async function patiently(init) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await request("api/predict", init);
    } catch (error) {
      if (!RETRY_CODES.has(error.code) || attempt === RETRIES) throw error;
      await pause(1000 * 1.5 ** attempt, init.signal);
    }
  }
}

function formOf(files, options) {
  const form = new FormData();
  for (const [name, value] of Object.entries(options)) if (value) form.append(name, value);
  for (const file of files) form.append("files", file, file.name);
  return form;
}

async function request(path, init) {
  const response = await fetch(path, init).catch(brokenOff);
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  // HTTP/2 has no words for a status, so its number stands beside them.
  const status = `${response.status} ${response.statusText}`;
  throw new ApiError(problem.code ?? "other", problem.detail ?? status, problem);
}

function brokenOff(error) {
  if (error.name === "AbortError") throw error;
  throw new ApiError("network", error.message);
}

async function readLines(response, onResult) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let complete = false;
  for (;;) {
    const { done, value } = await reader.read().catch(brokenOff);
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const message = JSON.parse(line);
      if (message.done) complete = true;
      else onResult(message);
    }
  }
  if (!complete) throw new ApiError("network", "the answer broke off");
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("cancelled", "AbortError"));
    });
  });
}
