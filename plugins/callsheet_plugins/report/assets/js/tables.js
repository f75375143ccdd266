// Tables: sorted by any column, searched, and cut where they are long.
const SHORT = 20;  // characters that stay in one line
const FEW = 8;  // rows, which are faster read than searched
const FIRST = 50;  // rows that a long table shows before it is asked for all

function mountTables(root) {
  for (const table of root.querySelectorAll("table[data-sortable]")) {
    if (table.tBodies[0].rows.length > 1) [...table.tHead.rows[0].cells].forEach((head, column) => makeSortable(table, head, column));
    for (const cell of table.tBodies[0].querySelectorAll("td")) if (cell.textContent.length < SHORT) cell.classList.add("short");
    if (table.tBodies[0].rows.length > FIRST * 1.2) cut(table);
  }
  for (const label of root.querySelectorAll("[data-search]")) makeSearch(label);
}

function makeSortable(table, head, column) {
  if (head.querySelector("button") || !head.textContent.trim()) return;
  head.setAttribute("aria-sort", "none");
  if ([...table.tBodies[0].rows].find((row) => !isEmpty(row.cells[column]))?.cells[column].matches(".number")) head.classList.add("number");
  const name = [...head.childNodes];
  head.append(button({}, name, () => sort(table, column, head.getAttribute("aria-sort") === "ascending" ? -1 : 1)));
}

function sort(table, column, direction) {
  const heads = [...table.tHead.rows[0].cells];
  for (const head of heads) if (head.hasAttribute("aria-sort")) head.setAttribute("aria-sort", "none");
  heads[column].setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
  const rows = [...table.tBodies[0].rows].map((row) => [keyOf(row.cells[column]), row]);
  rows.sort(([one], [other]) => compare(one, other, direction));
  table.tBodies[0].append(...rows.map(([, row]) => row));
  show(table);
}

// A number, a text, or null for a cell that holds neither; null stays last.
function keyOf(cell) {
  const said = cell?.dataset.sort ?? cell?.textContent.trim() ?? "";
  if (isEmpty(cell) || said === "" || said === "nan") return null;
  return Number.isNaN(Number(said)) ? said : Number(said);
}

const isEmpty = (cell) => !cell || cell.matches(".none");

function compare(one, other, direction) {
  if (one === null || other === null) return (one === null) - (other === null);
  if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1;
  return direction * (typeof one === "number" ? one - other : one.localeCompare(other, "en", {numeric: true}));
}

// Which rows are seen: those that match the search and are of no kind left out, and of a long table the first.
function show(table) {
  const rows = [...table.tBodies[0].rows];
  const without = (table.dataset.without ?? "").split(" ");
  const found = rows.filter((row) => !without.includes(row.dataset.kind) && matches(row.textContent, table.dataset.wanted ?? ""));
  const seen = new Set("first" in table.dataset ? found.slice(0, FIRST) : found);
  for (const row of rows) row.hidden = !seen.has(row);
  const more = table.closest(".scroll").parentElement.querySelector("[data-more]");
  if (more) more.hidden = found.length === seen.size;
  if (more) more.textContent = `Show all ${counted(found.length, "row")}`;
  return found.length;
}

const matches = (text, wanted) => wanted.toLowerCase().split(/\s+/).every((word) => text.toLowerCase().includes(word));

function cut(table) {
  table.dataset.first = "";
  table.closest(".scroll").after(button({"data-more": true, class: "more"}, [""], ({currentTarget}) => {
    const row = table.tBodies[0].rows[FIRST];
    delete table.dataset.first;
    say(`${counted(show(table), "row")} shown`);
    currentTarget.remove();
    row.tabIndex = -1;
    row.focus();
  }));
  show(table);
}

function makeSearch(label) {
  const table = label.parentElement.querySelector("table");
  label.hidden = table.tBodies[0].rows.length < FEW;
  label.querySelector("input").addEventListener("input", ({target}) => {
    table.dataset.wanted = target.value;
    say(`${counted(show(table), "row")} found`);
  });
}
