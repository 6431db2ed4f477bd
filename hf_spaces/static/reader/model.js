// A shipped model under onnxruntime-web: one thread of WebAssembly, so no headers of the server
// are needed.

import * as ort from "../ort/ort.wasm.bundle.min.mjs";
import { ReadError } from "./errors.js";

ort.env.wasm.numThreads = 1;

/** The model `name` of the folder `models/`. Throws ReadError when it is missing or damaged. */
export async function loadModel(name) {
  const [info, weights] = await Promise.all([
    fetched(`${name}.json`, (response) => response.json()),
    fetched(`${name}.onnx`, (response) => response.arrayBuffer()),
  ]);
  await checkSum(info, weights);
  try {
    const session = await ort.InferenceSession.create(weights, { executionProviders: ["wasm"] });
    return new Model(info, session);
  } catch (error) {
    throw new ReadError("model", `${name}: ${error.message ?? error}`);
  }
}

class Model {
  constructor(info, session) {
    this.info = info;
    this.session = session;
    this.symbols = [...info.charset]; // symbols[i] is class i + 1
  }

  /** Logits {steps, classes, values} of one picture {width, data}. */
  async run({ width, data }) {
    const { height, channels } = this.info.image;
    const input = new ort.Tensor("float32", data, [1, channels, height, width]);
    const outputs = await this.session.run({ [this.session.inputNames[0]]: input });
    const { dims, data: values } = outputs[this.session.outputNames[0]];
    const [, steps, classes] = dims;
    if (classes !== this.symbols.length + 1) {
      throw new ReadError("model", `${classes} classes for ${this.symbols.length} characters`);
    }
    return { steps, classes, values };
  }
}

async function fetched(file, content) {
  try {
    const response = await fetch(new URL(`../models/${file}`, import.meta.url));
    if (!response.ok) throw new Error(response.status);
    return await content(response);
  } catch (error) {
    throw new ReadError("network", `models/${file}: ${error.message}`);
  }
}

/** Browsers offer the digest over https and on this machine only. */
async function checkSum(info, weights) {
  if (!crypto.subtle) return;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", weights));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (hex !== info.sha256) {
    throw new ReadError("model", `${info.arch}.onnx is not the file its .json describes`);
  }
}
