// What the page says at its top: trouble with all of it, and pictures that were not taken.

import { byId, write } from "./dom.js";

let said = () => [];

/** @param words called for a text or nodes, and again in another language; none: no banner. */
export function say(words) {
  said = words;
  redrawBanner();
}

export function hush() {
  say(() => []);
}

export function redrawBanner() {
  const parts = [said()].flat();
  write(byId("banner"), ...parts);
  byId("banner").hidden = !parts.length;
}
