// Small things that several parts of the page say.

import { byId, element } from "./dom.js";
import { percent, t } from "./i18n.js";
import { STRINGS } from "./strings.js";

const BLANK = "∅";
/** What the server takes: its defaults, until it says its own. */
export const limits = {
  max_file_bytes: 4 << 20,
  max_body_bytes: 32 << 20,
  max_files: 64,
  max_pixels: 1_000_000,
  max_top_k: 10,
};

/** Of one picture; a request has to hold the form around it too. */
export function mostBytes() {
  return Math.min(limits.max_file_bytes, limits.max_body_bytes - 4096);
}

/** What is wrong, as nodes: what the server says of it is English, and has to be read out so. */
export function troubleNodes({ code, field, kind, position, message }) {
  const why = `rule.${kind}`;
  if (why in STRINGS.en) {
    const key = Number.isInteger(position) ? "rule-wrong.at" : "rule-wrong";
    return [t(key, { n: position + 1, why: t(why) })];
  }
  const keys = [`error.${code}.${field}`, `error.${code}`, "error.other"];
  const megabytes = Number((mostBytes() / (1 << 20)).toPrecision(4));
  const values = { megabytes, pixels: limits.max_pixels.toLocaleString("en") };
  const text = t(keys.find((key) => key in STRINGS.en), values);
  const [before, after] = text.split("{detail}");
  return after === undefined ? [text] : [before, element("span", { lang: "en" }, message), after];
}

/** To a screen reader: others see it where it happens. */
export function tell(...nodes) {
  byId("live").replaceChildren(...nodes);
}

export function sureness(confidence) {
  if (confidence >= 0.9) return "good";
  return confidence >= 0.6 ? "fair" : "poor";
}

export function sureChip(confidence) {
  return element("span", { class: `chip ${sureness(confidence)}` }, sureText(confidence));
}

/** In per cent, with a decimal where it matters: near 0 and near 1. */
export function sureText(confidence) {
  if (confidence > 0.9995) return percent(1);
  if (confidence < 0.0005) return `< ${percent(0.001, 1)}`;
  return percent(confidence, confidence > 0.985 || confidence < 0.095 ? 1 : 0);
}

/** The blank as a sign, a space as one that can be seen. */
export function shown(char) {
  if (char === "") return BLANK;
  return char === " " ? "␣" : char;
}
