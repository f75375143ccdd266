// Figures: read from the page, in the colours of the scheme that is on.
const THEME = JSON.parse(document.querySelector("[data-theme]").textContent);
const DARK = matchMedia("(prefers-color-scheme: dark)");
const CONFIG = {displayModeBar: false, displaylogo: false, responsive: true, typesetMath: false, showTips: false, doubleClick: "reset"};

let onPaper = false;  // paper is white, whatever the screen is

const isDark = () => DARK.matches && !onPaper;

const source = (id) => document.querySelector(`script[data-figure="${CSS.escape(id)}"]`);

// The figure as its section made it; what is drawn is `dressed` of it.
const figureOf = (id) => JSON.parse(source(id).textContent);

function dressed(figure) {
  const dark = isDark();
  const layout = {...figure.layout, template: dark ? THEME.dark : THEME.light, uirevision: "same"};
  if (matchMedia("(pointer: coarse)").matches) layout.dragmode = false;  // a finger on a chart scrolls the page
  if (!dark) return {data: figure.data, layout};
  return {data: recoloured(figure.data), layout: recoloured(layout)};
}

function recoloured(content, isColour = false) {
  if (typeof content === "string") return isColour ? swapped(content) : content;
  if (Array.isArray(content)) return content.map((item) => recoloured(item, isColour));
  if (!content || typeof content !== "object" || ArrayBuffer.isView(content)) return content;
  const named = ([key, value]) => [key, recoloured(value, /colou?rs?$/i.test(key))];
  return Object.fromEntries(Object.entries(content).map(named));
}

function swapped(colour) {
  const start = colour.startsWith("rgba(") ? colour.slice(0, colour.lastIndexOf(",") + 1) : colour.toLowerCase();
  return start in THEME.swaps ? THEME.swaps[start] + colour.slice(start.length) : colour;
}
