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
    const known = [...models.map((model) => model.name), ALL];
    const last = load("arch", first);
    this.arch = known.includes(last) ? last : first;
    this.redraw();
  }

  redraw() {
    const names = this.#models.map((model) => [model.name, model.name]);
    if (names.length > 1) names.push([ALL, t("model.all")]);
    byId("models").replaceChildren(...names.map(([name, text]) => this.#segment(name, text)));
    this.#describe();
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
