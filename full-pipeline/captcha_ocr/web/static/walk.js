// The walk along the columns: a slider, the three likeliest characters, what CTC does with the
// winner, and the text so far.

import { element } from "./dom.js";
import { t } from "./i18n.js";
import { shown, sureText } from "./words.js";

const STEP_MILLISECONDS = 260;

/** @param onColumn called with the column when it changes. */
export function makeWalk(explanation, onColumn) {
  const { path, top, columns } = explanation;
  const slider = element("input", {
    type: "range",
    min: "0",
    max: String(columns - 1),
    value: "0",
    "aria-label": t("explain.cursor"),
    oninput: () => moveTo(Number(slider.value)),
  });
  const place = element("span", { class: "place" });
  const bars = element("div", { class: "bars" });
  const what = element("p", { class: "what" });
  const soFar = element("output", { class: "so-far" });
  let timer = null;
  const play = element(
    "button",
    { type: "button", onclick: () => (timer ? stop() : start()) },
    t("explain.play"),
  );
  const node = element(
    "div",
    { class: "walk" },
    slider,
    element("div", { class: "walk-head" }, play, place),
    bars,
    element(
      "div",
      { class: "walk-text" },
      what,
      element("p", { class: "hint" }, t("explain.sofar"), " ", soFar),
    ),
  );

  function moveTo(column) {
    slider.value = String(column);
    place.textContent = t("explain.at", { n: column + 1, all: columns });
    bars.replaceChildren(...top[column].map(candidateBar));
    what.textContent = sentence(path, column);
    soFar.textContent = collapse(path.slice(0, column + 1)) || "–";
    const said = top[column].map(({ char, p }) => `${shown(char)} ${sureText(p)}`).join(", ");
    slider.setAttribute("aria-valuetext", `${place.textContent}: ${said}`);
    onColumn(column);
  }

  function start() {
    if (Number(slider.value) === columns - 1) moveTo(0);
    play.textContent = t("explain.pause");
    timer = setInterval(() => {
      if (!node.isConnected || Number(slider.value) === columns - 1) stop();
      else moveTo(Number(slider.value) + 1);
    }, STEP_MILLISECONDS);
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = t("explain.play");
  }

  return { node, slider, moveTo, stop };
}

/** CTC's rule: merge repeats, then drop blanks. */
export function collapse(path) {
  return path.filter((char, index) => char !== "" && char !== path[index - 1]).join("");
}

function sentence(path, column) {
  const char = path[column];
  if (char === "") return t("explain.blank");
  return t(char === path[column - 1] ? "explain.same" : "explain.new", { char });
}

function candidateBar({ char, p }) {
  const fill = element("span");
  fill.style.width = `${100 * p}%`;
  return element(
    "div",
    { class: "bar" },
    element("b", {}, shown(char)),
    element("span", { class: "track" }, fill),
    element("span", { class: "figure" }, sureText(p)),
  );
}
