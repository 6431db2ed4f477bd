// What the page says at its top: trouble with all of it, and pictures that were not taken.

import { byId, write } from "./dom.js";

let said = () => "";

/** @param words called for the text, and again in another language; no text: no banner. */
export function say(words) {
  said = words;
  redrawBanner();
}

export function hush() {
  say(() => "");
}

export function redrawBanner() {
  const text = said();
  write(byId("banner"), text);
  byId("banner").hidden = !text;
}
