// ONNX in JavaScript: node read_onnx.mjs exports/onnx/vanilla_crnn.onnx picture.png
//
// Preprocessing and decoding are those of the page in the browser alone, PNG and GIF included: Node
// has no decoder for the JPEG, WebP and BMP that a browser opens for it.
// `npm ci` in hf_spaces/static brings onnxruntime-web; in a browser, or with onnxruntime-node, the
// lines are the same.

import { readFile } from "node:fs/promises";
import * as ort from "../../hf_spaces/static/node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs";
import { decode, logSoftmax } from "../../hf_spaces/static/reader/decoding.js";
import { preprocess } from "../../hf_spaces/static/reader/imaging.js";
import { openPicture } from "../../hf_spaces/static/reader/picture.js";

const [weights, file] = process.argv.slice(2);
const info = JSON.parse(await readFile(weights.replace(/\.onnx$/, ".json"), "utf-8"));
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(await readFile(weights));

const picture = await openPicture(new Uint8Array(await readFile(file)));
const { width, data } = preprocess(picture, info.image);
const { height, channels } = info.image;
const images = new ort.Tensor("float32", data, [1, channels, height, width]);
const { logits } = await session.run({ images });
const [, steps, classes] = logits.dims;
const logProbs = logSoftmax({ steps, classes, values: logits.data }, info.temperature);
console.log(decode(logProbs, [...info.charset])[0].text);
