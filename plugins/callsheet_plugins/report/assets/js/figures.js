// Figures: read from the page; what is drawn of them is in the colours of the scheme that is on.
const THEME = JSON.parse(document.querySelector("[data-theme]").textContent);
const DARK = matchMedia("(prefers-color-scheme: dark)");
const COARSE = matchMedia("(pointer: coarse)");
const NUMBERS = {
  i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array, f4: Float32Array, f8: Float64Array,
};

let onPaper = false;  // paper is white, whatever the screen is

const isDark = () => DARK.matches && !onPaper;

// What a section's script makes of figures. Each of EXPANDERS takes a figure, and the chart, and completes what all read of it;
// each of SHAPERS takes what is to be drawn, the figure and the chart's state.
const EXPANDERS = [], SHAPERS = [];

const sourceOf = (chart) => document.querySelector(`script[data-figure="${CSS.escape(chart.id)}"]`).textContent;
const figureOf = (chart) => EXPANDERS.reduce((figure, expand) => expand(figure, chart), JSON.parse(sourceOf(chart)));

function dressed(layout) {
  const made = {...layout, template: isDark() ? THEME.dark : THEME.light, uirevision: "same"};
  if (COARSE.matches) made.dragmode = false;  // a finger that moves over a chart scrolls the page
  return recoloured(made);
}

// Figures are made in the colours of the light scheme.
function recoloured(content, isColour = false) {
  if (!isDark()) return content;
  if (typeof content === "string") return isColour ? swapped(content) : content;
  if (Array.isArray(content)) return content.map((item) => recoloured(item, isColour));
  if (!content || typeof content !== "object") return content;
  const named = ([key, value]) => [key, recoloured(value, /colors?$/.test(key))];
  return Object.fromEntries(Object.entries(content).map(named));
}

function swapped(colour) {
  const start = colour.startsWith("rgba(") ? colour.slice(0, colour.lastIndexOf(",") + 1) : colour.toLowerCase();
  return start in THEME.swaps ? THEME.swaps[start] + colour.slice(start.length) : colour;
}

// A text of a figure as a reader sees it.
const SIGNS = {"&lt;": "<", "&gt;": ">", "&amp;": "&"};
const textOf = (text) => String(text).replace(/<br>/g, " ").replace(/<[^>]*>/g, "").replace(/&(lt|gt|amp);/g, (sign) => SIGNS[sign]);

// Where a point of a trace lies; evenly spaced ones may be told by the first and their distance.
function along(trace, letter) {
  const other = letter === "x" ? "y" : "x";
  if (trace[letter] || !(`d${letter}` in trace)) return valuesOf(trace[letter]);
  return valuesOf(trace[other]).map((_, place) => (trace[`${letter}0`] ?? 0) + place * trace[`d${letter}`]);
}

// An array of a figure, of rows where it has two dimensions; plotly.py packs those of numpy.
function valuesOf(array) {
  if (!array || !array.bdata) return Array.isArray(array) ? array : [];
  const bytes = Uint8Array.from(atob(array.bdata), (sign) => sign.charCodeAt(0));
  const flat = [...new NUMBERS[array.dtype](bytes.buffer)];
  const width = Number(String(array.shape ?? "").split(",")[1]);
  return width ? Array.from({length: flat.length / width}, (_, row) => flat.slice(row * width, (row + 1) * width)) : flat;
}
