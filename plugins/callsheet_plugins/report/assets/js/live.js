// Live: every two seconds the page asks what has changed, and takes it in where it stands.
{
const EVERY = 2000, PATIENCE = 120_000;  // milliseconds
const board = document.querySelector("[data-live]");
const content = document.querySelector("main");
const links = document.querySelector("nav ul");
const sentParts = new Map();  // the inside of each section as it was sent

const sectionsNow = () => [...content.querySelectorAll(":scope > section")];
const insideOf = (section) => section.querySelector("[data-inside]");
const clock = () => new Date().toLocaleTimeString();

// Before behaviour is added to them.
for (const section of sectionsNow()) remember(section);

function remember(section) {
  const sent = insideOf(section).cloneNode(true);
  pair(sent, insideOf(section));
  sentParts.set(section.id, sent);
}

async function ask() {
  const has = sectionsNow().map(({id, dataset}) => `${id}.${dataset.section}`);
  const answer = await fetch(`changes?has=${has}`, {cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(PATIENCE)});
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
}

function take({title, fault, order, parts}) {
  document.title = document.querySelector("h1").textContent = title;
  for (const section of sectionsNow()) if (!order.includes(section.id)) drop(section);
  for (const part of parts) takePart(part);
  order.forEach((id, place) => putAt(content, document.getElementById(id), place));
  order.forEach((id, place) => putAt(links, linkOf(id).parentElement, place));
  tell(fault || (parts.length || board.dataset.live === "lost" ? `Live: updated at ${clock()}` : ""), fault ? "lost" : "on");
}

function takePart({id, title, hash, html, figures}) {
  const section = document.getElementById(id) ?? begin(id);
  section.dataset.section = hash;
  section.querySelector("h2").textContent = linkOf(id).textContent = title;
  const changed = takeFigures(section, figures);
  const sent = document.createElement("template"), added = [];
  sent.innerHTML = `\n${html}\n`;  // as in the page; whoever wrote it has escaped all text
  mergeChildren(sentParts.get(id), sent.content, added);
  for (const each of added) if (each.isConnected && each.nodeType === Node.ELEMENT_NODE) mount(alone(each));
  for (const table of section.querySelectorAll("table[data-sortable]")) refreshTable(table);
  for (const chart of section.querySelectorAll("[data-chart]")) if (changed.has(chart.id) && drawn.has(chart)) refreshChart(chart, changed.get(chart.id));
}

// What `mount` looks through: one element, without those beside it.
const alone = (element) => ({querySelectorAll: (selector) => [element, ...element.querySelectorAll("*")].filter((each) => each.matches(selector))});

function begin(id) {
  const made = element("section", {id, "aria-labelledby": `${id}-title`}, element("h2", {id: `${id}-title`}), element("div", {"data-inside": true}));
  content.append(made);
  links.append(element("li", {}, element("a", {href: `#${id}`})));
  remember(made);
  reading.observe(made);
  return made;
}

function drop(section) {
  forgetCharts(section);
  linkOf(section.id).parentElement.remove();
  sentParts.delete(section.id);
  section.remove();
}

const linkOf = (id) => links.querySelector(`a[href="#${CSS.escape(id)}"]`);

function putAt(parent, child, place) {
  if (parent.children[place] !== child) parent.insertBefore(child, parent.children[place] ?? null);
}

// The figures that differ, by their ids, with the lines that each had before.
function takeFigures(section, figures) {
  const before = new Map([...section.querySelectorAll("script[data-figure]")].map((script) => [script.dataset.figure, script]));
  const changed = new Map();
  for (const [id, json] of Object.entries(figures)) {
    const script = before.get(id) ?? element("script", {type: "application/json", "data-figure": id});
    before.delete(id);
    if (script.textContent === json) continue;
    if (script.isConnected) changed.set(id, new Set(figureOf({id}).data.map(groupOf)));
    script.textContent = json;
    section.append(script);
  }
  for (const script of before.values()) script.remove();
  return changed;
}

function refreshChart(chart, before) {
  const {off} = stateOf(chart);
  for (const trace of figureOf(chart).data) if (trace.visible === "legendonly" && !before.has(groupOf(trace))) off.add(groupOf(trace));
  draw(chart);
  keepingFocus(chart, () => addLegend(chart));
  addShaping(chart);
  const numbers = chart.querySelector("details[data-numbers][open]");
  if (numbers) keepingPlace(numbers, () => fill(numbers));
}

// Buttons are made anew: the one of the same name gets the focus.
function keepingFocus(chart, change) {
  const {activeElement: had} = document;
  change();
  if (had !== document.body && !had.isConnected) [...chart.querySelectorAll("button")].find(({textContent}) => textContent === had.textContent)?.focus();
}

// The table of numbers is made anew: it is sorted and scrolled as before, and shows the same line.
function keepingPlace(numbers, change) {
  const box = numbers.querySelector(".scroll"), line = numbers.querySelector("select")?.selectedIndex;
  const [column, direction] = orderOf(box.querySelector("table")), {scrollTop, scrollLeft} = box;
  change();
  const select = numbers.querySelector("select");
  if (select && line > 0 && line < select.options.length) {
    select.selectedIndex = line;
    select.dispatchEvent(new Event("change"));
  }
  if (column >= 0) sort(numbers.querySelector("table"), column, direction);
  Object.assign(numbers.querySelector(".scroll"), {scrollTop, scrollLeft});
}

function orderOf(table) {
  const order = [...table.tHead.rows[0].cells].map((head) => head.getAttribute("aria-sort"));
  const column = order.findIndex((said) => said === "ascending" || said === "descending");
  return [column, order[column] === "descending" ? -1 : 1];
}

// Rows that came stand where the reader's order and search want them.
function refreshTable(table) {
  const body = table.tBodies[0];
  if (body.rows.length > 1) [...table.tHead.rows[0].cells].forEach((head, column) => makeSortable(table, head, column));
  const [column, direction] = orderOf(table);
  const keys = column < 0 ? [] : [...body.rows].map((row) => keyOf(row.cells[column]));
  if (keys.some((key, place) => place && compare(keys[place - 1], key, direction) > 0)) sort(table, column, direction);
  else show(table);
}

function tell(said, state) {
  if (said && board.textContent !== said) board.textContent = said;
  if (board.dataset.live !== state && (state === "lost" || board.dataset.live === "lost")) say(said);
  board.dataset.live = state;
}

let asking = false;

async function look() {
  if (asking || document.visibilityState !== "visible" || document.querySelector("[data-packed]")) return;
  asking = true;
  try {
    take(await ask());
  } catch (error) {
    if (board.dataset.live !== "lost") tell(`Not live since ${clock()}: nobody answers at this address. What is shown stays.`, "lost");
  } finally {
    asking = false;
  }
}

setInterval(look, EVERY);
document.addEventListener("visibilitychange", look);
}
