// The page's language. Elements name their text with data-i18n, their label with data-i18n-label.

import { load, save } from "./storage.js";
import { STRINGS } from "./strings.js";

const listeners = [];
const chosen = load("language", "");
let language = navigator.language.startsWith("zh") ? "zh" : "en";
if (Object.hasOwn(STRINGS, chosen)) language = chosen; // storage may hold anything

/** The text of a key, with {name} replaced from values. */
export function t(key, values = {}) {
  const text = STRINGS[language][key] ?? STRINGS.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** @param listener called after every change of language, to write what it drew again. */
export function onLanguage(listener) {
  listeners.push(listener);
}

export function initLanguage(button) {
  button.addEventListener("click", () => {
    language = language === "en" ? "zh" : "en";
    save("language", language);
    apply(button);
    for (const listener of listeners) listener();
  });
  apply(button);
}

export function percent(fraction, digits = 0) {
  return `${(100 * fraction).toFixed(digits)} %`;
}

function apply(button) {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  button.textContent = language === "zh" ? "English" : "中文";
  button.lang = language === "zh" ? "en" : "zh-CN";
  for (const node of document.querySelectorAll("[data-i18n]")) {
    node.textContent = t(node.dataset.i18n);
  }
  for (const node of document.querySelectorAll("[data-i18n-label]")) {
    node.setAttribute("aria-label", t(node.dataset.i18nLabel));
  }
}
