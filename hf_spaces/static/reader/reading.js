// One picture from bytes to what the page shows: the twin of Predictor.predict and of the servers'
// answers, so that the explain view does not know who has read.

import { solve } from "./arithmetic.js";
import { decode, logSoftmax } from "./decoding.js";
import { explain, round } from "./explain.js";
import { preprocess, scaledWidth } from "./imaging.js";
import { openPicture } from "./picture.js";

const TOP_K = 3; // readings of a picture that is explained

/**
 * @param models those that read it; the surest reading stands in the result itself
 * @returns a server's result for one file, which may be an error of this file
 */
export async function readPicture(bytes, models, explained) {
  const started = performance.now();
  const picture = await openPicture(bytes);
  const readings = [];
  for (const model of models) readings.push(await readWith(model, picture, explained));
  const best = readings.reduce((a, b) => (b.confidence > a.confidence ? b : a));
  return {
    ...best,
    width: picture.width,
    height: picture.height,
    error: null,
    compare: readings.length > 1 ? readings : [],
    milliseconds: round(performance.now() - started, 2),
  };
}

async function readWith(model, picture, explained) {
  const { arch, image, width_stride: widthStride, temperature } = model.info;
  const logits = await model.run(preprocess(picture, image));
  const logProbs = logSoftmax(logits, temperature);
  const readings = decode(logProbs, model.symbols, explained ? TOP_K : 1);
  const [{ text, confidence, characters }] = readings;
  const pictureColumns = scaledWidth(picture, image) / widthStride;
  return {
    arch,
    text,
    confidence: round(confidence, 4),
    answer: solve(text),
    characters: characters.map((each) => ({ ...each, confidence: round(each.confidence, 4) })),
    alternatives: readings.map((r) => ({ text: r.text, confidence: round(r.confidence, 4) })),
    explain: explained
      ? explain(logProbs, model.symbols, text, { pictureColumns, widthStride })
      : null,
  };
}
