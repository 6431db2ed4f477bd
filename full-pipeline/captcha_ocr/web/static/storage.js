// localStorage under one prefix. It may be switched off or full: then nothing is remembered.

const PREFIX = "captcha-ocr.";

export function load(key, fallback) {
  try {
    const text = localStorage.getItem(PREFIX + key);
    return text === null ? fallback : JSON.parse(text);
  } catch (error) {
    return fallback;
  }
}

export function save(key, value) {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch (error) {
    console.info("not remembered:", key, error.name);
  }
}
