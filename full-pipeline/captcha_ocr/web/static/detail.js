// The explain view of one picture.

import { copyText } from "./clipboard.js";
import { drawCollapse } from "./collapse.js";
import { countErrors, edits } from "./diff.js";
import { byId, element } from "./dom.js";
import { drawHeatmap } from "./heatmap.js";
import { t } from "./i18n.js";
import { marked } from "./table.js";
import { makeWalk } from "./walk.js";
import { sureChip, sureness, sureText, tell, troubleNodes } from "./words.js";

let withHeat = true;
let observer = null;
/** After the true text was changed elsewhere. */
export let redrawTruth = () => {};

/**
 * @param detail the server's explained result, or null while it is under way
 * @param failure why there is none, or null
 * @param arch the model whose columns are drawn, when several have read the picture
 * @param actions {onTruth(text), onArch(name)}
 */
export function drawDetail(item, detail, failure, arch, actions) {
  observer?.disconnect();
  redrawTruth = () => {};
  const box = byId("detail");
  const head = element(
    "div",
    { class: "detail-head" },
    element("img", {
      class: "thumb",
      src: item.url,
      alt: "",
      onerror: (event) => event.target.classList.add("broken"),
    }),
    element("span", { class: "name" }, item.name),
  );
  if (failure) {
    box.replaceChildren(head, element("p", { class: "trouble big" }, troubleNodes(failure)));
    return;
  }
  if (!detail) {
    const state = item.status === "cancelled" ? "row.cancelled" : "detail.loading";
    box.replaceChildren(head, element("p", { class: "hint" }, t(state)));
    return;
  }
  const reading = detail.compare.find((each) => each.arch === arch) ?? detail;
  box.replaceChildren(
    head,
    verdict(reading, detail),
    truthBox(item, reading, actions.onTruth),
    ...(detail.compare.length ? [comparison(detail, reading, actions.onArch)] : []),
    explanation(item, reading, detail),
    characterBars(reading),
    drawCollapse(reading.explain, reading.text),
    ...(reading.alternatives.length > 1 ? [alternatives(reading)] : []),
  );
}

function verdict(reading, detail) {
  const copy = element(
    "button",
    {
      type: "button",
      disabled: !reading.text,
      onclick: async () => {
        if (!(await copyText(byId("text")))) return;
        copy.textContent = t("detail.copied");
        tell(t("detail.copied")); // a button's new name is not said
      },
    },
    t("detail.copy"),
  );
  const letters = reading.characters.map(({ char, confidence }) =>
    element("span", { class: sureness(confidence) }, char),
  );
  const answer = reading.answer;
  return element(
    "div",
    { class: "verdict" },
    element(
      "p",
      { class: "big-text", id: "text" },
      letters.length ? letters : element("span", { class: "hint" }, t("detail.empty")),
    ),
    answer === null ? null : element("p", { class: "big-answer" }, t("detail.answer", { answer })),
    element(
      "div",
      { class: "row" },
      element(
        "span",
        { class: `chip ${sureness(reading.confidence)}` },
        t("detail.sure", { sure: sureText(reading.confidence) }),
      ),
      element(
        "span",
        { class: "hint" },
        `${reading.arch} · ${t("detail.milliseconds", { ms: detail.milliseconds.toFixed(0) })}`,
      ),
      copy,
    ),
  );
}

function truthBox(item, reading, onTruth) {
  const outcome = element("span", { class: "outcome" });
  const input = element("input", {
    class: "truth",
    value: item.truth,
    maxlength: "64",
    spellcheck: "false",
    autocapitalize: "off",
    oninput: () => {
      onTruth(input.value.trim());
      show();
    },
  });
  function show() {
    const truth = input.value.trim();
    const errors = truth ? countErrors(edits(reading.text, truth)) : 0;
    if (!truth) outcome.replaceChildren();
    else if (!errors) outcome.replaceChildren(element("b", { class: "right" }, t("detail.right")));
    else outcome.replaceChildren(t("detail.wrong", { n: errors }), " ", marked(reading.text, truth));
  }
  show();
  redrawTruth = () => {
    if (input.value.trim() === item.truth) return; // or it is being typed here
    input.value = item.truth;
    show();
  };
  return element("label", { class: "inline truth-box" }, t("detail.check"), input, outcome);
}

function comparison(detail, reading, onArch) {
  const rows = detail.compare.map((each) =>
    element(
      "button",
      {
        type: "button",
        class: "compare-row",
        "aria-pressed": String(each.arch === reading.arch),
        onclick: () => onArch(each.arch),
      },
      element("span", {}, each.arch),
      element("span", { class: "reading" }, each.text || "–"),
      sureChip(each.confidence),
    ),
  );
  return element(
    "section",
    { class: "part" },
    element("h3", {}, t("detail.compare")),
    element("div", { class: "compare" }, rows),
  );
}

function explanation(item, reading, detail) {
  const { columns, path } = reading.explain;
  let map = null;
  const frame = element("div", { class: "map-scroll" });
  const walk = makeWalk(reading.explain, (column) => map && follow(frame, map.moveTo(column)));
  const toggle = element("input", {
    type: "checkbox",
    checked: withHeat,
    onchange: () => {
      withHeat = toggle.checked;
      draw();
    },
  });
  function draw() {
    const picture = { url: item.url, width: detail.width, height: detail.height };
    map = drawHeatmap(reading, picture, frame.clientWidth, withHeat, (column) => {
      walk.stop();
      walk.moveTo(column);
    });
    walk.slider.style.marginLeft = `${map.left}px`;
    walk.slider.style.width = `${Math.min(map.width, frame.clientWidth - map.left)}px`;
    frame.replaceChildren(map.node);
    follow(frame, map.moveTo(Number(walk.slider.value)));
  }
  let drawnFor = 0;
  observer = new ResizeObserver(() => {
    if (frame.clientWidth && frame.clientWidth !== drawnFor) {
      drawnFor = frame.clientWidth;
      draw();
    }
  });
  observer.observe(frame);
  walk.moveTo(Math.max(0, path.findIndex((char) => char !== "")));
  return element(
    "section",
    { class: "part" },
    element(
      "div",
      { class: "part-head" },
      element("h3", {}, t("explain.title")),
      element("label", { class: "inline" }, toggle, t("explain.over")),
    ),
    element("p", { class: "hint" }, t("explain.lead", { n: columns })),
    frame,
    walk.node,
  );
}

/** The map may be wider than a phone: scrolls when the walk has left what is seen of it. */
function follow(frame, [from, to]) {
  const { scrollLeft, clientWidth } = frame;
  const unseen = to <= scrollLeft || from >= scrollLeft + clientWidth;
  if (unseen) frame.scrollLeft = from - clientWidth / 2;
}

function characterBars(reading) {
  const bars = reading.characters.map(({ char, confidence }, index) => {
    const fill = element("span", { class: `c${index % 6}` });
    fill.style.height = `${100 * confidence}%`;
    return element(
      "div",
      { class: "pillar" },
      element("span", { class: "pillar-track" }, fill),
      element("b", {}, char),
      element("span", { class: "figure" }, sureText(confidence)),
    );
  });
  return element(
    "section",
    { class: "part" },
    element("h3", {}, t("detail.characters")),
    element("div", { class: "pillars" }, bars),
  );
}

function alternatives(reading) {
  return element(
    "section",
    { class: "part" },
    element("h3", {}, t("detail.other")),
    element(
      "ol",
      { class: "others" },
      reading.alternatives
        .slice(1)
        .map(({ text, confidence }) =>
          element("li", {}, element("span", { class: "reading" }, text || "–"), sureChip(confidence)),
        ),
    ),
  );
}
