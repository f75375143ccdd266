// Legends: a button for each line, or group of lines, which shows it and takes it away.
const MANY = 12;  // entries, from which on they can be searched
const DASHES = {dash: "6 3", dot: "2 2", dashdot: "6 2 2 2", longdash: "9 3", longdashdot: "9 3 2 3"};

for (const when of ["drawn", "shaped"]) document.addEventListener(when, ({target}) => addLegend(target));

function addLegend(chart) {
  const entries = entriesOf(figureOf(chart));
  const place = chart.querySelector("[data-tools]");
  place.querySelector(".legend")?.remove();
  if (entries.length > 1) place.prepend(legend(chart, entries));
}

// One for each group that plotly would put into a legend.
function entriesOf({data}) {
  const found = new Map();
  data.forEach((trace, place) => {
    const group = groupOf(trace);
    if (trace.showlegend !== false && group && !found.has(group)) found.set(group, {group, trace, place});
  });
  return [...found.values()];
}

function legend(chart, entries) {
  const list = element("ul", {"aria-label": "Lines shown"}, ...entries.map((entry) => element("li", {}, toggle(chart, entry))));
  const all = entries.length > 2 ? [everything(chart, entries, "All", false), everything(chart, entries, "None", true)] : [];
  const inside = entries.length > MANY ? [filterOf(list), ...all, list] : [list, ...all];
  return element("div", {class: "legend"}, ...inside);
}

function toggle(chart, {group, trace, place}) {
  const {off} = stateOf(chart);
  const made = button({"aria-pressed": `${!off.has(group)}`, "data-group": group}, [swatch(trace, place), textOf(trace.name || group)], () => {
    off.has(group) ? off.delete(group) : off.add(group);
    press(chart);
  });
  return made;
}

function everything(chart, entries, name, hides) {
  return button({class: "quiet"}, [name], () => {
    const {off} = stateOf(chart);
    for (const {group} of entries) hides ? off.add(group) : off.delete(group);
    press(chart);
  });
}

function press(chart) {
  const {off} = stateOf(chart);
  for (const each of chart.querySelectorAll("[data-group]")) each.setAttribute("aria-pressed", `${!off.has(each.dataset.group)}`);
  draw(chart);
}

function filterOf(list) {
  const input = element("input", {type: "search", autocomplete: "off", spellcheck: "false"});
  input.addEventListener("input", () => {
    for (const item of list.children) item.hidden = !matches(item.textContent, input.value);
  });
  return element("label", {class: "search"}, "Find a line ", input);
}

// The shapes of plotly's symbols, in a box of 22 by 12; a line, and whatever else, is a stroke across it.
const SHAPES = {
  circle: "M16 6a5 5 0 1 1-10 0a5 5 0 1 1 10 0z",
  diamond: "M11 0l6 6l-6 6l-6-6z",
  square: "M6 1h10v10h-10z",
  star: "M11 0l1.8 4h4.2l-3.3 2.7l1.2 4.3l-3.9-2.5l-3.9 2.5l1.2-4.3l-3.3-2.7h4.2z",
  line: "M0 6h22",
};

function swatch(trace, place) {
  const colours = THEME.light.layout.colorway;
  const found = [trace.line?.color, trace.marker?.color, trace.fillcolor].find((it) => typeof it === "string");
  const colour = recoloured(found ?? colours[place % colours.length], true);
  const [symbol, open] = String(trace.marker?.symbol ?? "circle").split("-");
  const shape = trace.type === "bar" ? "square" : trace.mode === "markers" ? symbol : "line";
  const stroke = shape === "line" || open === "open";
  return drawing({
    d: SHAPES[shape] ?? SHAPES.square,
    fill: stroke ? "none" : colour,
    stroke: stroke ? colour : "none",
    "stroke-width": shape === "line" ? 3 : 1.5,
    "stroke-dasharray": shape === "line" ? DASHES[trace.line?.dash] ?? "none" : "none",
  });
}

function drawing(attributes) {
  const [picture, path] = ["svg", "path"].map((name) => document.createElementNS("http://www.w3.org/2000/svg", name));
  for (const [key, value] of Object.entries(attributes)) path.setAttribute(key, value);
  for (const [key, value] of Object.entries({width: 22, height: 12, "aria-hidden": "true"})) picture.setAttribute(key, value);
  picture.append(path);
  return picture;
}

DARK.addEventListener("change", () => drawn.forEach(addLegend));
