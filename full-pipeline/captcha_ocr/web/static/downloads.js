// The batch as a file: JSON without loss, CSV for a spreadsheet.

const COLUMNS = ["file", "text", "confidence", "answer", "model", "true_text", "error"];

export function downloadCsv(items) {
  // The mark at the start tells Excel that it is UTF-8.
  save("\uFEFF" + toCsv(items), "text/csv", "captcha-ocr.csv");
}

export function downloadJson(items) {
  const rows = items.map((item) => ({
    ...readingOf(item),
    file: item.name,
    true_text: item.truth,
    error: item.error && { code: item.error.code, message: item.error.message },
  }));
  save(JSON.stringify(rows, null, 2), "application/json", "captcha-ocr.json");
}

export function toCsv(items) {
  const rows = items.map((item) => {
    const reading = readingOf(item);
    return [
      item.name,
      reading?.text,
      reading?.confidence,
      reading?.answer,
      reading?.arch,
      item.truth,
      item.error?.code,
    ];
  });
  return [COLUMNS, ...rows].map((row) => row.map(cell).join(",") + "\r\n").join("");
}

/** As the table shows it: one that waits to be read again has an old result, by another rule. */
function readingOf(item) {
  return item.status === "done" ? item.result : null;
}

// Many languages have Excel cut rows at semicolons, and LibreOffice at tabs too.
const WITHIN = /([;\t\r\n][ \t\r\n"]*)(?=[=+\-@\t\r\n＝＋－＠])/g;

/**
 * A spreadsheet runs cells that start like a formula, so those get an apostrophe in front: the
 * twin of spreadsheet_cell in captcha_ocr/tables.py.
 */
function cell(value) {
  if (typeof value === "number") return String(value);
  let text = String(value ?? "").replace(WITHIN, "$1'");
  if (/^[=+\-@\t\r\n＝＋－＠]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function save(text, type, name) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
