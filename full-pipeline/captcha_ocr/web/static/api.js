// The server, as the page uses it. Paths are relative, so the page works behind any prefix.

import { ApiError } from "./errors.js";

const RETRIES = 5;
const RETRY_CODES = new Set(["rate", "busy", "not_ready"]);

export async function getJson(path) {
  const response = await request(`api/${path}`, { headers: { Accept: "application/json" } });
  return response.json();
}

/** One picture, explained. */
export async function explain(file, options, signal) {
  const form = formOf([file], { ...options, explain: "true", top_k: "3" });
  const response = await request("api/predict", { method: "POST", body: form, signal });
  const body = await response.json();
  return body.results[0];
}

/**
 * Many pictures; onResult is called for each as soon as it is read. Waits and asks again when
 * the server is busy.
 */
export async function readMany(files, options, signal, onResult) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const response = await request("api/predict", {
        method: "POST",
        body: formOf(files, options),
        headers: { Accept: "application/x-ndjson" },
        signal,
      });
      await readLines(response, onResult);
      return;
    } catch (error) {
      if (!RETRY_CODES.has(error.code) || attempt === RETRIES) throw error;
      await pause(1000 * 1.5 ** attempt, signal);
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
  let response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("network", error.message);
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new ApiError(problem.code ?? "other", problem.detail ?? response.statusText);
}

async function readLines(response, onResult) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let complete = false;
  for (;;) {
    const { done, value } = await reader.read();
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
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("cancelled", "AbortError"));
    });
  });
}
