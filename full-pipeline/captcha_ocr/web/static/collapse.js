// The three rows from raw path to text.

import { element } from "./dom.js";
import { t } from "./i18n.js";
import { collapse } from "./walk.js";
import { shown } from "./words.js";

/** @param text the reading, which a constraint may have chosen against the path. */
export function drawCollapse({ path, merged }, text) {
  const spelled = collapse(path);
  return element(
    "section",
    { class: "part" },
    element("h3", {}, t("collapse.title")),
    step("path", path),
    step("merged", merged),
    step("text", [...spelled]),
    spelled === text
      ? null
      : element("p", { class: "hint" }, t("collapse.rule", { path: spelled, text })),
  );
}

function step(name, chars) {
  let number = -1; // of the character that a chip belongs to
  const chips = chars.map((char, index) => {
    const again = name === "path" && char !== "" && char === chars[index - 1];
    if (char !== "" && !again) number += 1;
    const kind = char === "" ? "blank" : `c${number % 6}${again ? " again" : ""}`;
    return element("span", { class: `tile ${kind}` }, shown(char));
  });
  return element(
    "div",
    { class: "step" },
    element("p", { class: "hint" }, t(`collapse.${name}`)),
    element("div", { class: "tiles" }, chips),
  );
}
