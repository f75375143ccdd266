// Numbers of a chart: a table of what its figure holds, made when it is opened.
const WIDE = 6;  // lines, up to which each has a column of its own
const LONG = 1000;  // rows, from which on one line is shown at a time

function mountNumbers(root) {
  for (const fold of root.querySelectorAll("details[data-numbers]")) {
    fold.addEventListener("toggle", () => fold.open && fill(fold));
    if (fold.open) fill(fold);
  }
}

document.addEventListener("shaped", ({target}) => {
  const fold = target.querySelector("details[data-numbers]");
  if (fold.open) fill(fold);
});

function fill(fold) {
  const chart = fold.closest("[data-chart]");
  const caption = chart.querySelector("figcaption").textContent;
  const lines = linesOf(figureOf(chart));
  const box = fold.querySelector("[data-table]");
  const show = (table) => {
    const made = tableOf(caption, table);
    box.replaceChildren(element("div", {class: "scroll"}, made));
    mountTables(box);
    mountScrolling(box);
  };
  fold.querySelector("label")?.remove();
  if (lines.reduce((all, line) => all + line.rows.length, 0) > LONG && lines.length > 1) fold.insertBefore(choice(lines, show), box);
  else show(isWide(lines) ? wide(lines) : long(lines));
}

// Each: name, columns, rows. What only decorates has hoverinfo "skip"; its numbers stand in customdata of another line.
function linesOf({data, layout}) {
  return data.filter((trace) => trace.hoverinfo !== "skip").map((trace) => lineOf(trace, layout));
}

function lineOf(trace, layout) {
  const title = (letter) => textOf(layout[axisKey(trace[`${letter}axis`] ?? letter)]?.title?.text ?? letter);
  const columns = [[title("x"), axisValues(trace, "x", layout)], [title("y"), axisValues(trace, "y", layout)], ...intervals(trace), ...extras(trace)];
  const length = Math.max(0, ...columns.map(([, values]) => values.length));
  const isGap = (row) => columns.every(([, values]) => (values[row] ?? null) === null);
  const rows = Array.from({length}, (_, row) => row).filter((row) => !isGap(row)).map((row) => columns.map(([, values]) => values[row]));
  return {name: textOf(trace.name ?? ""), columns: columns.map(([name]) => name), rows};
}

function axisValues(trace, letter, layout) {
  const axis = layout[axisKey(trace[`${letter}axis`] ?? letter)] ?? {};
  const names = new Map((valuesOf(axis.tickvals) ?? []).map((at, place) => [at, axis.ticktext?.[place]]));
  return along(trace, letter).map((value) => names.get(value) ?? value);
}

function intervals(trace) {
  const found = [["y", trace.error_y], ["x", trace.error_x]].find(([, error]) => error?.array);
  if (!found) return [];
  const at = along(trace, found[0]), up = valuesOf(found[1].array);
  const down = found[1].arrayminus ? valuesOf(found[1].arrayminus) : up;
  const end = (by, sign) => at.map((value, row) => by[row] === null || Number.isNaN(by[row]) ? null : value + sign * by[row]);
  return [["low", end(down, -1)], ["high", end(up, 1)]];
}

// `meta.columns` of a trace names the columns of its customdata that belong to the table.
function extras({meta, customdata, text, hovertext}) {
  const rows = valuesOf(customdata);
  const named = (meta?.columns ?? []).map((name, place) => [name, rows.map((row) => Array.isArray(row) ? row[place] : row)]);
  const said = [text, hovertext].find(Array.isArray);
  return said ? [...named, ["note", said]] : named;
}

const unique = (values) => new Set(values).size === values.length;

function isWide(lines) {
  const shared = new Set(lines.flatMap(({rows}) => rows.map(([x]) => x))).size;
  const longest = Math.max(0, ...lines.map(({rows}) => rows.length));
  const alike = lines.every(({columns, rows}) => columns[0] === lines[0].columns[0] && columns.length === 2 && unique(rows.map(([x]) => x)));
  return lines.length > 1 && lines.length <= WIDE && alike && shared <= 2 * longest;
}

function wide(lines) {
  const rows = new Map();
  lines.forEach((line, place) => line.rows.forEach(([x, y]) => rows.set(x, Object.assign(rows.get(x) ?? [], {[place]: y}))));
  const ordered = [...rows].sort(([one], [other]) => typeof one === "number" ? one - other : 0);
  return {columns: [lines[0].columns[0], ...lines.map(({name}) => name)], rows: ordered.map(([x, values]) => [x, ...lines.map((_, place) => values[place])])};
}

function long(lines) {
  if (lines.length === 1) return lines[0];
  const columns = ["line", ...new Set(lines.flatMap((line) => line.columns))];
  const row = (line, values) => columns.map((column) => column === "line" ? line.name : values[line.columns.indexOf(column)]);
  return {columns, rows: lines.flatMap((line) => line.rows.map((values) => row(line, values)))};
}

function choice(lines, show) {
  const select = element("select", {}, ...lines.map(({name}, place) => element("option", {value: `${place}`}, name || `Line ${place + 1}`)));
  select.addEventListener("change", () => show(lines[select.value]));
  show(lines[0]);
  return element("label", {class: "search"}, "Line ", select);
}

function tableOf(caption, {columns, rows}) {
  const head = element("thead", {}, element("tr", {}, ...columns.map((name) => element("th", {scope: "col"}, name || "value"))));
  const body = element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map(cell))));
  return element("table", {"data-sortable": true}, element("caption", {}, caption), head, body);
}

function cell(value, place) {
  const [name, scope] = place ? ["td"] : ["th", "row"];
  if (typeof value === "number" && Number.isFinite(value)) return element(name, {scope, class: "number", "data-sort": value}, shown(value));
  const none = value === undefined || value === null || Number.isNaN(value);
  return element(name, {scope, class: none ? "none" : undefined}, none ? "–" : textOf(value));
}

const shown = (value) => Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
