// The pictures that come with the page: one click, first result.

import { getJson } from "./api.js";
import { byId, element } from "./dom.js";
import { ApiError } from "./errors.js";
import { onLanguage, t } from "./i18n.js";

/**
 * @param onSample called with a File and the text that is drawn in it
 * @param onTrouble called with an ApiError when the sample cannot be fetched
 */
export async function loadSamples(onSample, onTrouble) {
  const { samples } = await getJson("samples");
  const draw = () =>
    byId("samples").replaceChildren(...samples.map((sample) => button(sample, onSample, onTrouble)));
  onLanguage(draw);
  draw();
}

function button(sample, onSample, onTrouble) {
  const read = () =>
    fetchSample(sample).then(
      (file) => onSample(file, sample.label),
      (error) => onTrouble(new ApiError("network", `${sample.url}: ${error.message}`)),
    );
  return element(
    "li",
    {},
    element(
      "button",
      { type: "button", "aria-label": t("samples.read", sample), onclick: read },
      element("img", { src: sample.url, alt: "" }),
      element("span", {}, sample.style),
    ),
  );
}

async function fetchSample({ url, file }) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(String(response.status));
  const blob = await response.blob();
  return new File([blob], file, { type: blob.type });
}
