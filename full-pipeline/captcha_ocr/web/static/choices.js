// What the visitor chooses: a model, and what the text may be.

import { byId, element } from "./dom.js";
import { percent, t } from "./i18n.js";
import { load, save } from "./storage.js";

const ALL = "all";
const DIGITS = "0123456789";
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PRESETS = {
  any: {},
  digits: { alphabet: DIGITS },
  letters: { alphabet: LETTERS },
  alnum: { alphabet: DIGITS + LETTERS },
  sum: { pattern: String.raw`\d([+\-*/x×÷]\d){1,2}=\??` },
};
const TYPING_MILLISECONDS = 350;

export class Choices {
  #models = [];
  #timer = 0;
  arch = "";

  /** @param onModel after another model was chosen; onConstraint after the rule changed. */
  constructor({ onModel, onConstraint }) {
    this.onModel = onModel;
    byId("constraint").addEventListener("submit", (event) => event.preventDefault());
    byId("constraint").addEventListener("input", (event) => {
      if (event.target.id === "preset") byId("pattern").value = this.#preset.pattern ?? "";
      clearTimeout(this.#timer);
      this.#timer = setTimeout(onConstraint, TYPING_MILLISECONDS);
    });
  }

  setModels({ default: first, models }) {
    this.#models = models;
    const known = [...models.map((model) => model.name), ALL];
    const last = load("arch", first);
    this.arch = known.includes(last) ? last : first;
    this.redraw();
  }

  redraw() {
    const preset = byId("preset");
    const chosen = preset.value || "any";
    preset.replaceChildren(
      ...Object.keys(PRESETS).map((name) =>
        element("option", { value: name }, t(`constraint.${name}`)),
      ),
    );
    preset.value = chosen;
    const names = this.#models.map((model) => [model.name, model.name]);
    if (names.length > 1) names.push([ALL, t("model.all")]);
    byId("models").replaceChildren(...names.map(([name, text]) => this.#segment(name, text)));
    this.#describe();
  }

  get #preset() {
    return PRESETS[byId("preset").value] ?? {};
  }

  get constrained() {
    const { alphabet, length, pattern } = this.options;
    return Boolean(alphabet || length || pattern);
  }

  /** The fields of a request. */
  get options() {
    return {
      arch: this.arch,
      alphabet: this.#preset.alphabet ?? "",
      length: byId("length").value.replaceAll(/[–—\s]+/g, "-"),
      pattern: byId("pattern").value,
    };
  }

  #segment(name, text) {
    const input = element("input", {
      type: "radio",
      name: "arch",
      value: name,
      checked: name === this.arch,
      onchange: () => {
        this.arch = name;
        save("arch", name);
        this.#describe();
        this.onModel();
      },
    });
    return element("label", {}, input, element("span", {}, text));
  }

  #describe() {
    const model = this.#models.find((each) => each.name === this.arch);
    if (!model) {
      byId("model-facts").textContent = this.arch === ALL ? t("model.compare") : "";
      return;
    }
    let facts = t("model.facts", {
      params: (model.params / 1e6).toFixed(1),
      height: model.input.height,
      charset: model.charset_size,
    });
    const em = model.exact_match_folded ?? model.exact_match;
    if (em !== null) facts += t("model.em", { em: percent(em, 1) });
    byId("model-facts").textContent = facts;
  }
}
