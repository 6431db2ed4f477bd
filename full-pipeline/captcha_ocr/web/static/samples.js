// The pictures that come with the page: one click, first result.

import { getJson } from "./api.js";
import { byId, element } from "./dom.js";
import { onLanguage, t } from "./i18n.js";

/** @param onSample called with a File and the text that is drawn in it. */
export async function loadSamples(onSample) {
  const { samples } = await getJson("samples");
  const draw = () =>
    byId("samples").replaceChildren(...samples.map((sample) => button(sample, onSample)));
  onLanguage(draw);
  draw();
}

function button(sample, onSample) {
  const read = async () => {
    const response = await fetch(sample.url);
    const blob = await response.blob();
    onSample(new File([blob], sample.file, { type: blob.type }), sample.label);
  };
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
