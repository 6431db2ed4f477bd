// The picture with what the model saw in it: columns along the picture, a row a character.

import { svg } from "./dom.js";
import { t } from "./i18n.js";
import { shown } from "./words.js";

const LABEL = 30; // pixels left of the columns, for the characters
const ROW = 22;
const SPANS = 30; // above the picture: the characters and their spans
const MIN_COLUMN = 8;

/**
 * Draws one reading.
 *
 * @param reading a server's reading with `explain`
 * @param picture {url, width, height}
 * @param width pixels to fill, where the columns do not get too narrow
 * @param withHeat whether the picture is tinted too
 * @param onColumn called with the column that is pointed at
 * @returns {node, moveTo(column), left, width}: moveTo puts the cursor on a column, and says
 *   from where to where that is; the columns begin at `left` and take `width` pixels
 */
export function drawHeatmap(reading, picture, width, withHeat, onColumn) {
  const { columns, picture_columns: covered, rows } = reading.explain;
  const column = Math.max(MIN_COLUMN, (width - LABEL - 2) / columns);
  const pictureWidth = Math.min(covered, columns) * column;
  const pictureHeight = Math.min(
    180,
    Math.max(48, (pictureWidth * picture.height) / picture.width),
  );
  const top = SPANS + pictureHeight + 10;
  const size = { width: LABEL + columns * column + 2, height: top + rows.length * ROW + 2 };
  const x = (index) => LABEL + index * column;
  const cursor = svg("rect", {
    class: "cursor",
    y: SPANS - 2,
    width: column,
    height: size.height - SPANS + 1,
    rx: 3,
  });
  const label = t("explain.map", { rows: rows.length, columns });
  const node = svg(
    "svg",
    { class: "heatmap", ...size, viewBox: `0 0 ${size.width} ${size.height}`, role: "img", "aria-label": label },
    svg("image", {
      href: picture.url,
      x: LABEL,
      y: SPANS,
      width: pictureWidth,
      height: pictureHeight,
      preserveAspectRatio: "none",
    }),
    withHeat ? heat(rows, reading.characters, x, column, pictureHeight) : null,
    spans(reading.characters, x),
    svg("rect", {
      class: "field",
      x: LABEL,
      y: top,
      width: columns * column,
      height: rows.length * ROW,
    }),
    rows.map((row, index) => cells(row, index, reading.characters, top, x, column)),
    cursor,
  );
  const columnAt = (event) => {
    const box = node.getBoundingClientRect();
    const inside = ((event.clientX - box.left) / box.width) * size.width - LABEL;
    return Math.max(0, Math.min(columns - 1, Math.floor(inside / column)));
  };
  node.addEventListener("pointermove", (event) => onColumn(columnAt(event)));
  node.addEventListener("pointerdown", (event) => onColumn(columnAt(event)));
  const moveTo = (index) => {
    cursor.setAttribute("x", x(index));
    return [x(index), x(index + 1)];
  };
  return { node, moveTo, left: LABEL, width: columns * column };
}

/** Over the picture: how likely a column is to hold a character at all. */
function heat(rows, characters, x, column, height) {
  const blank = rows[0].p;
  return svg(
    "g",
    {},
    blank.map((p, index) =>
      1 - p < 0.02
        ? null
        : svg("rect", {
            class: `tint ${colour(characters, index)}`,
            x: x(index),
            y: SPANS,
            width: column + 0.4,
            height,
            "fill-opacity": (0.6 * (1 - p)).toFixed(3),
          }),
    ),
  );
}

function spans(characters, x) {
  return characters.map((character, index) => {
    const from = x(character.start);
    const to = x(character.end);
    return svg(
      "g",
      { class: `span c${index % 6}` },
      svg("text", { x: (from + to) / 2, y: SPANS - 12 }, shown(character.char)),
      svg("rect", { x: from, y: SPANS - 7, width: Math.max(2, to - from), height: 4, rx: 2 }),
    );
  });
}

function cells(row, index, characters, top, x, column) {
  const y = top + index * ROW;
  const label = svg("text", { class: "row-label", x: LABEL - 8, y: y + ROW - 6 }, shown(row.char));
  const filled = row.p.map((p, at) =>
    p < 0.01
      ? null
      : svg("rect", {
          class: index === 0 ? "tint blank" : `tint ${colour(characters, at)}`,
          x: x(at) + 0.5,
          y: y + 1,
          width: Math.max(1, column - 1),
          height: ROW - 2,
          rx: 2,
          "fill-opacity": p.toFixed(3),
        }),
  );
  return svg("g", {}, label, filled);
}

/** A column has the colour of the character whose span it is in, or is nearest to. */
function colour(characters, column) {
  let nearest = 0;
  let least = Infinity;
  characters.forEach((character, index) => {
    const away = Math.max(character.start - column, column - character.end + 1, 0);
    if (away < least) [least, nearest] = [away, index];
  });
  return `c${nearest % 6}`;
}
