// Ways in: drop files or folders, paste, choose files, choose a folder.

import { byId } from "./dom.js";

// On disks of others macOS keeps what it knows of a.png in ._a.png, which is no picture.
const KINDS = /^(?!(.*\/)?\._).*\.(png|jpe?g|jfif|webp|bmp|gif)$/i;

/**
 * @param take called with a list of {file, name}; of a folder only those that look like pictures,
 *   named by their path in it, by themselves all, so that the table can say what is wrong with one.
 * @param lose called with the names of what was dropped and cannot be opened.
 */
export function initIntake(take, lose) {
  choose("choose-files", "files", (files) => take(files.map(alone)));
  choose("choose-folder", "folder", (files) => take(pictures(files.map(ofFolder))));
  let depth = 0; // dragenter and dragleave come for every element on the way
  const drag = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dragging", depth > 0);
  };
  let own = false; // what is dragged is of this page: a thumbnail, a text
  addEventListener("dragstart", () => (own = true));
  // Of an element that has gone meanwhile no dragend comes; and while one drags, no pointermove.
  for (const over of ["dragend", "pointermove"]) addEventListener(over, () => (own = false));
  addEventListener("dragenter", () => drag(own ? 0 : 1));
  addEventListener("dragleave", () => drag(-1));
  addEventListener("dragover", (event) => isTextDrop(event) || event.preventDefault());
  addEventListener("drop", async (event) => {
    drag(-depth);
    if (isTextDrop(event)) return;
    event.preventDefault(); // a browser would leave the page for what is dropped
    if (own) return;
    const lost = [];
    take(await dropped(event.dataTransfer, lost));
    if (lost.length) lose(lost);
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length || isText(event)) return;
    event.preventDefault();
    take(files.map(alone));
  });
}

/** Text into a field. A spreadsheet's cell comes with a picture of itself. */
function isText({ target, clipboardData }) {
  return target.matches?.("input:not([type])") && clipboardData.types.includes("text/plain");
}

function isTextDrop({ target, dataTransfer }) {
  return Boolean(target.closest?.("input")) && !dataTransfer.types.includes("Files");
}

function choose(buttonId, inputId, take) {
  const input = byId(inputId);
  byId(buttonId).addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = ""; // so that the same file can be chosen again
  });
}

/** @param lost gets the names of what cannot be opened; the rest is taken. */
async function dropped(transfer, lost) {
  // The entries are gone after the first await: take them all at once.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const loose = [...transfer.files].map(alone);
  if (!entries.some((entry) => entry.isDirectory)) return loose;
  const lists = await Promise.all(
    entries.map(async (entry) => {
      const found = await filesOf(entry, lost);
      return entry.isFile ? found : pictures(found);
    }),
  );
  const found = lists.flat();
  return entries.length > 1 ? found : found.map(({ file, name }) => ({ file, name: inside(name) }));
}

async function filesOf(entry, lost) {
  const name = entry.fullPath.slice(1);
  const found = [];
  try {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      return [{ file, name }];
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return found; // a folder comes in pieces of a hundred
      for (const inner of some) found.push(...(await filesOf(inner, lost)));
    }
  } catch (error) {
    lost.push(name);
    return found;
  }
}

function alone(file) {
  return { file, name: file.name };
}

/** Phones that cannot choose a folder offer single files, which have no such path. */
function ofFolder(file) {
  return { file, name: inside(file.webkitRelativePath || file.name) };
}

/** The path below the one folder that was given: two of its folders may hold the same names. */
function inside(path) {
  return path.slice(path.indexOf("/") + 1);
}

/** Browsers list a folder in any order. 2.png comes before 10.png. */
function pictures(found) {
  return found
    .filter(({ name }) => KINDS.test(name))
    .sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
}
