// The pictures of this visit, and the queue in which they are read.

import { readMany } from "./api.js";
import { ApiError } from "./errors.js";
import { mostBytes } from "./words.js";

const GROUP_FILES = 16; // one request: enough to be read together, few enough to see progress
const GROUP_BYTES = 8 << 20;
const REQUESTS = 2; // under way at the same time
export const MAX_ITEMS = 2000; // rows that a page can show without trouble

let nextId = 1;

/** Emits "change" (detail: the item, or null for all) and "trouble" (detail: an ApiError). */
export class Batch extends EventTarget {
  items = [];
  #queue = [];
  #workers = 0;
  #abort = new AbortController();

  constructor(limits) {
    super();
    this.limits = limits;
  }

  /** Adds pictures, {file, name}, as items; a sample brings its true text. */
  add(pictures, truth = "") {
    const added = pictures.slice(0, MAX_ITEMS - this.items.length).map(({ file, name }) => ({
      id: nextId++,
      file,
      name,
      url: URL.createObjectURL(file),
      status: "waiting", // reading, done, error, cancelled
      result: null,
      error: null,
      truth,
    }));
    this.items.push(...added);
    this.#changed(null);
    return added;
  }

  read(items, options) {
    for (const item of items) this.set(item, { status: "waiting", error: null });
    const { max_files: most, max_body_bytes: body } = this.limits;
    const readable = items.filter((item) => !this.tooLarge(item));
    for (const item of items) {
      if (this.tooLarge(item)) this.fail(item, new ApiError("too_large", ""));
    }
    const bytes = Math.min(GROUP_BYTES, body / 2); // the form around the files needs room too
    for (const group of groups(readable, Math.min(GROUP_FILES, most), bytes)) {
      this.#queue.push({ group, options });
    }
    while (this.#workers < REQUESTS && this.#queue.length > 0) this.#work();
  }

  /** Whether it is not worth sending: a browser that sends much does not hear the refusal. */
  tooLarge({ file }) {
    return file.size > mostBytes();
  }

  cancel() {
    this.#queue = [];
    this.#abort.abort();
    this.#abort = new AbortController();
    for (const item of this.items) {
      if (item.status === "waiting" || item.status === "reading") item.status = "cancelled";
    }
    this.#changed(null);
  }

  clear() {
    this.cancel();
    for (const item of this.items) URL.revokeObjectURL(item.url);
    this.items = [];
    this.#changed(null);
  }

  get busy() {
    return this.items.some((item) => item.status === "waiting" || item.status === "reading");
  }

  /** Takes a server's result, which may be an error of this file. */
  settle(item, result) {
    if (result.error) this.fail(item, new ApiError(result.error.code, result.error.message));
    else this.set(item, { status: "done", result, error: null });
  }

  fail(item, error) {
    this.set(item, { status: "error", result: null, error });
  }

  set(item, values) {
    Object.assign(item, values);
    this.#changed(item);
  }

  async #work() {
    const { group: queued, options } = this.#queue.shift();
    const group = queued.filter((item) => item.status === "waiting"); // the page may be quicker
    const signal = this.#abort.signal;
    this.#workers += 1;
    for (const item of group) this.set(item, { status: "reading" });
    try {
      const files = group.map((item) => item.file);
      await readMany(files, options, signal, (result) => {
        const item = group[result.index];
        // Or it has been explained meanwhile, perhaps by a newer rule.
        if (item.status === "reading") this.settle(item, result);
      });
    } catch (error) {
      if (error.name !== "AbortError") this.#failGroup(group, error);
    }
    this.#workers -= 1;
    if (this.#queue.length) this.#work();
  }

  #failGroup(group, error) {
    for (const item of group.filter((each) => each.status === "reading")) this.fail(item, error);
    this.dispatchEvent(new CustomEvent("trouble", { detail: error }));
  }

  #changed(item) {
    this.dispatchEvent(new CustomEvent("change", { detail: item }));
  }
}

function groups(items, most, mostBytes) {
  const found = [];
  let bytes = Infinity;
  for (const item of items) {
    const last = found.at(-1);
    bytes += item.file.size;
    if (last === undefined || last.length === most || bytes > mostBytes) {
      found.push([item]);
      bytes = item.file.size;
    } else last.push(item);
  }
  return found;
}
