// Light, dark, or as the system says. early.js applies the choice before the first paint, and
// reads it as a bare word, so it is not written as JSON.

import { byId, icon } from "./dom.js";
import { t } from "./i18n.js";

const KEY = "captcha-ocr.theme";
const MOON = "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z";
const SUN =
  "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v2M12 20v2M4.9 4.9l1.4 1.4M17.7 17.7l1.4 1.4" +
  "M2 12h2M20 12h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4";

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

export function initTheme() {
  byId("theme").addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch (error) {
      console.info("not remembered: theme");
    }
    labelTheme();
  });
  systemIsDark.addEventListener("change", labelTheme);
  labelTheme();
}

export function labelTheme() {
  const button = byId("theme");
  button.replaceChildren(icon(isDark() ? SUN : MOON));
  button.setAttribute("aria-label", t(isDark() ? "theme.light" : "theme.dark"));
  button.title = button.getAttribute("aria-label");
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : systemIsDark.matches;
}
