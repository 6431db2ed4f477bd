// What the text may be: the form, and how its rule changed a reading. A page without a server has
// no such form, and then no rule.

import { explain } from "./api.js";
import { byId, element } from "./dom.js";
import { t } from "./i18n.js";
import { sureText } from "./words.js";

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

export class Rule {
  #form = byId("constraint");
  #timer = 0;
  #server = ""; // the server's own rule, in words
  #effect = () => ""; // how the rule changed the reading, in words; or a pattern, marked

  /** @param onChange after the rule changed. */
  constructor(onChange) {
    this.#form?.addEventListener("submit", (event) => event.preventDefault());
    this.#form?.addEventListener("input", (event) => {
      if (event.target.id === "preset") byId("pattern").value = this.#preset.pattern ?? "";
      clearTimeout(this.#timer);
      this.#timer = setTimeout(onChange, TYPING_MILLISECONDS);
    });
  }

  /** What the server holds a text to where the form says nothing. */
  setServerRule({ length, alphabet, pattern }) {
    this.#server = [length, alphabet, pattern].filter(Boolean).join(" · ");
    this.redraw();
  }

  redraw() {
    if (!this.#form) return;
    const any = this.#server ? t("constraint.server", { rule: this.#server }) : t("constraint.any");
    const preset = byId("preset");
    const chosen = preset.value || "any";
    preset.replaceChildren(
      ...Object.keys(PRESETS).map((name) =>
        element("option", { value: name }, name === "any" ? any : t(`constraint.${name}`)),
      ),
    );
    preset.value = chosen;
    this.#show(this.#effect);
  }

  /** The rule's fields of a request. */
  get options() {
    if (!this.#form) return {};
    return {
      alphabet: this.#preset.alphabet ?? "",
      // A Chinese keyboard may write ４～６.
      length: byId("length").value.normalize("NFKC").trim().replaceAll(/[-–—~\s]+/g, "-"),
      pattern: byId("pattern").value,
    };
  }

  /**
   * Says how the rule changed the reading of the picture that is shown.
   *
   * @param options the same request's, without the rule
   */
  async compare(file, result, options, signal) {
    this.forget();
    // Without the form's rule a server with one of its own would read by that.
    if (this.#server || !Object.values(this.options).some(Boolean)) return;
    const free = await explain(file, options, signal);
    const values = { text: result.text || "–", sure: sureText(result.confidence) };
    const before = { free: free.text || "–", freeSure: sureText(free.confidence) };
    const key = free.text === result.text ? "constraint.same" : "constraint.changed";
    this.#show(() => t(key, { ...values, ...before }));
  }

  /** Shows where the pattern is wrong. To a screen reader words say it: see `troubleNodes`. */
  mark({ field, position }) {
    if (field !== "pattern") return;
    byId("pattern").setAttribute("aria-invalid", "true");
    if (!Number.isInteger(position)) return;
    const chars = [...byId("pattern").value.normalize("NFC")]; // as the server counts
    const before = chars.slice(0, position).join("");
    const after = chars.slice(position + 1).join("");
    this.#show(() => {
      const wrong = element("mark", {}, chars[position]);
      return element("code", { "aria-hidden": "true" }, before, wrong, after);
    });
  }

  /** @param effect called for a text or a node, and again in another language. */
  #show(effect) {
    this.#effect = effect;
    byId("constraint-effect").replaceChildren(effect());
  }

  /** What was said is of another picture, or of another rule. */
  forget() {
    this.#effect = () => "";
    if (!this.#form) return;
    byId("pattern").removeAttribute("aria-invalid");
    byId("constraint-effect").textContent = "";
  }

  get #preset() {
    return PRESETS[byId("preset").value] ?? {};
  }
}
