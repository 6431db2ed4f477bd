// The table of pictures: a row each, progress, sorting, the running score.

import { countErrors, edits, score } from "./diff.js";
import { byId, element, write } from "./dom.js";
import { percent, t } from "./i18n.js";
import { sureChip, troubleNodes } from "./words.js";

export class Table {
  #rows = new Map(); // id -> {row, update}
  #selected = null;
  #busy = false;

  /** @param onPick called with an item whose row was chosen. */
  constructor(batch, onPick) {
    this.batch = batch;
    this.onPick = onPick;
    batch.addEventListener("change", ({ detail: item }) => this.#onChange(item));
    byId("sort").addEventListener("change", () => this.#arrange());
    byId("rows").addEventListener("keydown", (event) => this.#onKey(event));
  }

  select(item) {
    this.#selected = item;
    for (const [id, { row, pick }] of this.#rows) {
      row.classList.toggle("selected", id === item?.id);
      pick.setAttribute("aria-current", String(id === item?.id));
    }
  }

  /** Draws all rows again, for another language. */
  redraw() {
    const labels = { added: t("batch.added"), unsure: t("batch.unsure") };
    const sort = byId("sort");
    const chosen = sort.value || "added";
    sort.replaceChildren(
      ...Object.entries(labels).map(([value, text]) => element("option", { value }, text)),
    );
    sort.value = chosen;
    this.#rows.clear();
    byId("rows").replaceChildren();
    this.#onChange(null);
  }

  #onChange(item) {
    if (item && this.#rows.has(item.id)) this.#rows.get(item.id).update();
    else {
      this.#arrange();
      for (const { update } of this.#rows.values()) update();
    }
    this.#summarise();
  }

  #arrange() {
    const items = [...this.batch.items];
    if (byId("sort").value === "unsure") items.sort((a, b) => doubt(b) - doubt(a));
    const alive = new Set(items.map((item) => item.id));
    for (const id of this.#rows.keys()) if (!alive.has(id)) this.#rows.delete(id);
    const rows = items.map((item) => {
      if (!this.#rows.has(item.id)) this.#rows.set(item.id, this.#make(item));
      return this.#rows.get(item.id).row;
    });
    const focused = document.activeElement; // moving a row takes the focus from it
    byId("rows").replaceChildren(...rows);
    if (byId("rows").contains(focused)) focused.focus({ preventScroll: true });
    this.select(this.#selected);
  }

  #make(item) {
    const reading = element("td");
    const sure = element("td");
    const truth = element("input", {
      class: "truth",
      "aria-label": t("row.truth", { file: item.name }),
      value: item.truth,
      maxlength: "64",
      spellcheck: "false",
      autocapitalize: "off",
      onchange: () => this.batch.set(item, { truth: truth.value.trim() }),
    });
    const pick = element(
      "button",
      {
        type: "button",
        class: "pick",
        "aria-label": t("row.show", { file: item.name }),
        onclick: () => this.onPick(item),
      },
      element("img", {
        class: "thumb",
        src: item.url,
        alt: "",
        loading: "lazy",
        onerror: (event) => event.target.classList.add("broken"),
      }),
      element("span", { class: "name" }, item.name),
    );
    const truthCell = element("td", { class: "truth-column" }, truth);
    const row = element("tr", {}, element("td", {}, pick), reading, sure, truthCell);
    const update = () => {
      reading.replaceChildren(...readingCell(item));
      sure.replaceChildren(item.status === "done" ? sureChip(item.result.confidence) : "");
      if (document.activeElement !== truth) truth.value = item.truth;
    };
    update();
    return { row, pick, update };
  }

  #onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.classList.contains("pick")) return;
    const picks = [...byId("rows").querySelectorAll(".pick")];
    const next = picks[picks.indexOf(event.target) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.click();
  }

  #summarise() {
    const { items } = this.batch;
    const done = items.filter((item) => item.status === "done").length;
    const failed = items.filter((item) => item.status === "error").length;
    const progress = byId("progress");
    progress.max = Math.max(1, items.length);
    progress.value = done + failed;
    const parts = [t("batch.done", { done, all: items.length })];
    if (failed) parts.push(t("batch.failed", { n: failed }));
    byId("progress-text").textContent = parts.join(" · ");
    this.#showCancel(this.batch.busy);
    write(byId("score"), scoreText(items));
    this.#afterReading(parts.join(" · "));
  }

  /** A button that goes, pressed or not, takes the focus with it. */
  #showCancel(busy) {
    const cancel = byId("cancel");
    if (!busy && cancel === document.activeElement) byId("work").focus({ preventScroll: true });
    cancel.hidden = !busy;
  }

  /** At the end of a batch: its sum is said, once, and what is now known puts rows elsewhere. */
  #afterReading(sum) {
    const before = this.#busy;
    this.#busy = this.batch.busy;
    if (!before || this.#busy) return;
    if (this.batch.items.length > 1) byId("live-batch").textContent = sum;
    if (byId("sort").value === "unsure") this.#arrange();
  }
}

function readingCell(item) {
  if (item.status === "error") {
    return [element("span", { class: "trouble" }, troubleNodes(item.error))];
  }
  if (item.status !== "done") {
    return [element("span", { class: "hint" }, t(`row.${item.status}`))];
  }
  const { text, answer } = item.result;
  const marks = item.truth ? marked(text, item.truth) : text || t("detail.empty");
  const nodes = [element("span", { class: "reading" }, marks)];
  if (answer !== null) nodes.push(" ", element("span", { class: "answer" }, `= ${answer}`));
  return nodes;
}

/** The reading with its errors marked, and a tick when there are none. */
export function marked(text, truth) {
  const list = edits(text, truth);
  const nodes = list.map((edit) =>
    element("span", { class: edit.kind, title: edit.true || null }, edit.read || `‹${edit.true}›`),
  );
  if (countErrors(list) === 0) nodes.push(element("span", { class: "right" }, " ✓"));
  return element("span", { class: "diff" }, nodes);
}

function doubt(item) {
  if (item.status === "error") return 2;
  return item.status === "done" ? 1 - item.result.confidence : -1;
}

function scoreText(items) {
  const pairs = items
    .filter((item) => item.status === "done" && item.truth)
    .map((item) => ({ text: item.result.text, truth: item.truth }));
  const figures = score(pairs);
  if (!figures) return "";
  const { n, right, em, folded, cer } = figures;
  // Some fonts draw one glyph for both cases: what they cost is told apart from other errors.
  const text = folded === em ? "score.text" : "score.textFolded";
  return t(text, { n, right, em: percent(em), folded: percent(folded), cer: percent(cer, 1) });
}
