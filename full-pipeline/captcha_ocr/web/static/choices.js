// Which model reads.

import { byId, element } from "./dom.js";
import { percent, t } from "./i18n.js";
import { load, save } from "./storage.js";

const ALL = "all";

export class Choices {
  #models = [];
  arch = "";

  /** @param onModel after another model was chosen. */
  constructor(onModel) {
    this.onModel = onModel;
  }

  setModels({ default: first, models }) {
    this.#models = models;
    const last = this.arch || load("arch", first); // what this page reads by stays
    this.arch = this.#names.includes(last) ? last : first;
    this.redraw();
  }

  redraw() {
    byId("models").replaceChildren(...this.#names.map((name) => this.#segment(name)));
    this.#describe();
  }

  /** What there is to choose: the models, and all of them together where they are several. */
  get #names() {
    const names = this.#models.map((model) => model.name);
    return names.length > 1 ? [...names, ALL] : names;
  }

  #segment(name) {
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
    return element("label", {}, input, element("span", {}, name === ALL ? t("model.all") : name));
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
