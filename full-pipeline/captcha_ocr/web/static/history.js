// The last readings, in this browser's storage only: a small copy of each picture and its text.

import { byId, element } from "./dom.js";
import { load, save } from "./storage.js";
import { sureChip } from "./words.js";

const MOST = 50;
const THUMB_HEIGHT = 32;

export function initHistory() {
  byId("history-clear").addEventListener("click", () => {
    save("history", []);
    byId("history-fold").querySelector("summary").focus(); // a button that is off loses the focus
    draw();
  });
  byId("history-fold").addEventListener("toggle", draw);
  draw();
}

export async function remember(item) {
  const picture = await thumbnail(item.url);
  const { text, answer, confidence } = item.result;
  const entry = { name: item.name, text, answer, confidence, picture };
  const older = remembered().filter(
    (other) => other.name !== entry.name || other.picture !== picture,
  );
  save("history", [entry, ...older].slice(0, MOST));
  draw();
}

/** Storage may hold anything: what is no entry is left out. */
function remembered() {
  const found = load("history", []);
  return Array.isArray(found) ? found.filter((entry) => isBase64(entry?.picture)) : [];
}

function isBase64(text) {
  try {
    atob(text);
    return typeof text === "string";
  } catch {
    return false;
  }
}

function draw() {
  const entries = remembered();
  byId("history-count").textContent = entries.length ? String(entries.length) : "";
  byId("history-clear").disabled = entries.length === 0;
  if (!byId("history-fold").open) return;
  const list = byId("history");
  for (const image of list.querySelectorAll("img")) URL.revokeObjectURL(image.src);
  list.replaceChildren(
    ...entries.map((entry) =>
      element(
        "li",
        { title: entry.name },
        element("img", { class: "thumb", src: pictureUrl(entry.picture), alt: "" }),
        element("span", { class: "reading grow" }, entry.text || "–"),
        sureChip(entry.confidence),
      ),
    ),
  );
}

/** The picture as base64 of a small JPEG. */
async function thumbnail(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = document.createElement("canvas");
  const scale = Math.min(1, (2 * THUMB_HEIGHT) / image.naturalHeight);
  canvas.width = Math.min(256, Math.max(1, Math.round(image.naturalWidth * scale)));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.7).split(",")[1];
}

/** A blob: address, since the page's policy forbids data: ones. */
function pictureUrl(base64) {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
}
