// The page: puts the parts together.

import { explain, getJson } from "./api.js";
import { hush, redrawBanner, say } from "./banner.js";
import { Batch, MAX_ITEMS } from "./batch.js";
import { Choices } from "./choices.js";
import { drawDetail, redrawTruth } from "./detail.js";
import { byId, write } from "./dom.js";
import { downloadCsv, downloadJson } from "./downloads.js";
import { ApiError } from "./errors.js";
import { initHistory, remember } from "./history.js";
import { initLanguage, onLanguage, t } from "./i18n.js";
import { initIntake } from "./intake.js";
import { Rule } from "./rule.js";
import { loadSamples } from "./samples.js";
import { Table } from "./table.js";
import { initTheme, labelTheme } from "./theme.js";
import { limits, tell, troubleNodes } from "./words.js";

const HEALTH_MILLISECONDS = 15_000;
// What is wrong with more than one picture.
const WHOLE_PAGE = new Set(["network", "upstream", "model", "browser"]);
// What may be gone in a moment, and so takes no reading away that is there or comes with a group.
const PASSING = new Set(["network", "upstream", "busy", "rate", "timeout"]);
const READINGS = 3; // listed for the picture that is explained

const batch = new Batch(limits);
const choices = new Choices(readAgain);
const rule = new Rule(reviewRule);
const table = new Table(batch, pick);
let shown = null; // the item in the explain view
let before = null; // {status, error} that it had, when it is read only because it is shown
let detail = null; // its explained result
let failure = null; // or why there is none
let detailArch = "";
let pending = new AbortController();
let offer = null; // a promise: what the server offers is on the page, or on its way
let lacking = false; // it has been said why there is no offer
let asked = 0; // times that the server's health was asked for
let answered = 0; // the last of these whose answer is shown

/** The fields of a request. */
function options() {
  return { arch: choices.arch, ...rule.options };
}

function readings() {
  return String(Math.min(READINGS, limits.max_top_k));
}

/** New pictures: one is explained at once; many are read in groups, and the first explained. */
function take(pictures, truth = "") {
  hush();
  if (!pictures.length) return say(() => t("drop.none"));
  const added = batch.add(pictures, truth);
  if (added.length < pictures.length) say(() => t("drop.many", { n: MAX_ITEMS }));
  if (!added.length) return undefined;
  document.body.classList.add("working");
  byId("work").hidden = false;
  if (added.length > 1) batch.read(added.slice(1), options());
  return show(added[0]).then(() => bringIntoView(byId("work")));
}

/** Scrolls only when too little of the result would be seen. */
function bringIntoView(node) {
  if (node.getBoundingClientRect().top > innerHeight / 2) node.scrollIntoView();
}

function pick(item) {
  hush(); // what it says is of what was done before
  return show(item);
}

async function show(item) {
  pending.abort();
  pending = new AbortController();
  const { signal } = pending;
  if (item !== shown) {
    letGo();
    rule.forget(); // what it says is of the other picture
  }
  shown = item;
  detail = null;
  failure = null;
  table.select(item);
  if (["waiting", "cancelled", "error"].includes(item.status)) {
    before = { status: item.status, error: item.error };
    batch.set(item, { status: "reading", error: null });
  }
  const within = byId("detail").contains(document.activeElement);
  draw();
  if (within) byId("work").focus({ preventScroll: true }); // what had the focus is gone
  try {
    if (batch.tooLarge(item)) throw new ApiError("too_large", "");
    const result = await explain(item.file, { ...options(), top_k: readings() }, signal);
    detail = result;
    batch.settle(item, result);
    remember(item).catch((error) => console.info("not remembered:", error.name));
    tell(`${item.name}: ${result.text || t("detail.empty")}`);
    await rule.compare(item.file, result, { arch: choices.arch, top_k: readings() }, signal);
  } catch (error) {
    if (signal.aborted) return;
    trouble(error);
    if (error.field === "arch") renewOffer();
    if (!detail) fail(item, error); // or only what the rule changed is not known
  }
  draw();
}

function fail(item, error) {
  failure = error;
  rule.mark(error);
  const inGroup = item.status === "reading" && !before;
  const stays = item.status === "done" || inGroup;
  if (!stays || !PASSING.has(error.code)) batch.fail(item, error);
  tell(`${item.name}: `, ...troubleNodes(error));
}

/** Another picture is shown, perhaps before this one was read: then it is what it was before. */
function letGo() {
  if (before && shown?.status === "reading") {
    if (before.status === "waiting") batch.read([shown], options());
    else batch.set(shown, before);
  }
  before = null;
}

function draw() {
  if (!shown) return;
  drawDetail(shown, detail, failure ?? shown.error, detailArch, {
    onTruth: (truth) => batch.set(shown, { truth }),
    onArch: (arch) => {
      detailArch = arch;
      draw();
      byId("detail").querySelector("[aria-pressed=true]").focus(); // the one pressed is drawn anew
    },
  });
}

function reviewRule() {
  byId("apply-all").hidden = batch.items.length < 2;
  rule.forget();
  if (shown) show(shown);
}

function readAgain() {
  if (!batch.items.length) return;
  hush();
  batch.cancel();
  const others = batch.items.filter((item) => item !== shown);
  batch.read(others, options());
  if (!shown) return;
  batch.set(shown, { status: "waiting" });
  show(shown);
}

function cancel() {
  batch.cancel(); // first: a picture that is cancelled is not read again when its request ends
  if (shown?.status !== "done") pending.abort(); // what is read is only explained
  if (shown?.status === "cancelled") tell(`${shown.name}: ${t("row.cancelled")}`);
  draw();
}

function clear() {
  pending.abort();
  shown = null;
  detail = null;
  failure = null;
  batch.clear();
  byId("detail").replaceChildren();
  byId("work").hidden = true;
  document.body.classList.remove("working");
  hush();
  rule.forget();
  byId("apply-all")?.setAttribute("hidden", ""); // nothing is there to be read again
  byId("choose-files").focus(); // the button is gone
}

function trouble(error) {
  if (WHOLE_PAGE.has(error.code)) say(() => troubleNodes(error));
}

async function checkHealth() {
  const number = (asked += 1);
  const error = await getJson("readyz").then(() => null, (reason) => reason);
  if (number < answered) return; // late: a newer answer is there
  answered = number;
  if (error) trouble(error);
  const up = !error;
  const status = byId("status");
  if (up && status.classList.contains("down")) hush();
  status.className = `status ${up ? "up" : "down"}`;
  write(byId("status-text"), t(up ? "status.up" : "status.down"));
  if (up) loadOffer();
  else offer = null; // the next may be another, with other models
}

/** A server that was not there yet is asked again when it is. */
function loadOffer() {
  offer ??= takeOffer().then(
    () => lacking && hush(),
    (error) => {
      offer = null;
      lacking = true;
      trouble(error);
    },
  );
}

/** The server has been started anew, with other models. */
function renewOffer() {
  offer = null;
  loadOffer();
}

async function takeOffer() {
  const version = await getJson("version");
  Object.assign(limits, version.limits);
  byId("version").textContent = `${version.name} ${version.version}`;
  const models = await getJson("models");
  choices.setModels(models);
  rule.setServerRule(models.rule);
  if (byId("samples").childElementCount) return;
  await loadSamples((file, truth) => take([{ file, name: file.name }], truth), trouble);
}

function start() {
  initLanguage(byId("language"));
  initTheme();
  initHistory();
  initIntake(take, (names) => say(() => t("drop.lost", { n: names.length, name: names[0] })));
  table.redraw();
  choices.redraw();
  rule.redraw();
  byId("apply-all")?.addEventListener("click", readAgain);
  byId("cancel").addEventListener("click", cancel);
  byId("clear").addEventListener("click", clear);
  byId("download-csv").addEventListener("click", () => downloadCsv(batch.items));
  byId("download-json").addEventListener("click", () => downloadJson(batch.items));
  batch.addEventListener("trouble", ({ detail: error }) => trouble(error));
  batch.addEventListener("change", ({ detail: item }) => item === shown && redrawTruth());
  onLanguage(() => {
    labelTheme();
    table.redraw();
    choices.redraw();
    rule.redraw();
    redrawBanner();
    draw();
    checkHealth();
  });
  const curl = byId("curl");
  if (curl) curl.textContent = `curl -F files=@picture.png ${new URL("predict", location.href)}`;
  setInterval(checkHealth, HEALTH_MILLISECONDS);
  byId("status-text").textContent = t("status.loading");
  loadOffer();
  checkHealth(); // takes longer: a model may still be on its way
}

start();
