// Runs before the first paint, so that a page in the dark does not flash white. Not a module:
// modules run after parsing.
(function () {
  let theme = null;
  try {
    theme = localStorage.getItem("captcha-ocr.theme");
  } catch (error) {
    // Storage is switched off: the system's theme it is.
  }
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
})();
