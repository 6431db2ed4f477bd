// Ways in: drop files or folders, paste, choose files, choose a folder.

import { byId } from "./dom.js";

const KINDS = /\.(png|jpe?g|webp|bmp|gif)$/i;

/**
 * @param take called with the files; from a folder only those that look like pictures, by
 *   themselves all, so that the table can say what is wrong with one.
 */
export function initIntake(take) {
  choose("choose-files", "files", (files) => take(files));
  choose("choose-folder", "folder", (files) => take(inFolder(files)));
  let depth = 0; // dragenter and dragleave come for every element on the way
  const drag = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dragging", depth > 0);
  };
  addEventListener("dragenter", () => drag(1));
  addEventListener("dragleave", () => drag(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", async (event) => {
    event.preventDefault();
    drag(-depth);
    take(await dropped(event.dataTransfer));
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length || isText(event)) return;
    event.preventDefault();
    take(files);
  });
}

/** Text into a field. A spreadsheet's cell comes with a picture of itself. */
function isText({ target, clipboardData }) {
  return target.matches?.("input:not([type])") && clipboardData.types.includes("text/plain");
}

function choose(buttonId, inputId, take) {
  const input = byId(inputId);
  byId(buttonId).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = ""; // so that the same file can be chosen again
  });
}

async function dropped(transfer) {
  // The entries are gone after the first await: take them all at once.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const loose = [...transfer.files];
  if (!entries.some((entry) => entry.isDirectory)) return loose;
  const lists = await Promise.all(entries.map((entry) => filesOf(entry, true)));
  return lists.flat().sort(byName);
}

async function filesOf(entry, top) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return top || looksLikePicture(file) ? [file] : [];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found; // a folder comes in pieces of a hundred
    for (const inner of some) found.push(...(await filesOf(inner, false)));
  }
}

function inFolder(files) {
  return files.filter(looksLikePicture).sort(byName);
}

/** Browsers list a folder in any order. 2.png comes before 10.png. */
function byName(one, other) {
  const path = (file) => file.webkitRelativePath || file.name;
  return path(one).localeCompare(path(other), undefined, { numeric: true });
}

function looksLikePicture(file) {
  return KINDS.test(file.name);
}
