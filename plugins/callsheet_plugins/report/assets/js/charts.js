// Charts: each is drawn when it comes near the screen, and again when what it shows or the scheme changes.
const CONFIG = {displayModeBar: false, responsive: true, typesetMath: false, showTips: false, doubleClick: "reset"};
const drawn = new Set();
const states = new Map();  // by id, so that they outlive the elements

const plotOf = (chart) => chart.querySelector(".plot");
const groupOf = (trace) => trace.legendgroup || trace.name || "";

// `off` holds the groups of lines that are not shown. Those that a figure has as "legendonly" are off at first.
function stateOf(chart) {
  if (!states.has(chart.id)) {
    const off = figureOf(chart).data.filter((trace) => trace.visible === "legendonly").map(groupOf);
    states.set(chart.id, {off: new Set(off), log: false});
  }
  return states.get(chart.id);
}

// What plotly is given: lines that are off cost nothing, however many they are.
function shownOf(chart) {
  const figure = figureOf(chart), state = stateOf(chart);
  const {data, layout} = figure;
  const shown = data.map((trace, place) => ({...trace, visible: trace.visible !== false, uid: `${place}`})).filter((trace) => !state.off.has(groupOf(trace)));
  if (state.log) layout.yaxis = {...layout.yaxis, type: "log"};
  const shaped = SHAPERS.reduce((traces, shape) => shape(traces, figure, state), shown);
  return [recoloured(shaped), dressed(layout), CONFIG];
}

function draw(chart) {
  if (drawn.has(chart)) return Plotly.react(plotOf(chart), ...shownOf(chart));
  drawn.add(chart);
  const done = Plotly.newPlot(plotOf(chart), ...shownOf(chart));
  chart.dispatchEvent(new Event("drawn", {bubbles: true}));
  if (drawn.size === 1) performance.mark("first-chart");
  return done;
}

// After a shaper has something else to say: the legend and the numbers follow.
function reshape(chart) {
  if (!drawn.has(chart)) return;
  draw(chart);
  chart.dispatchEvent(new Event("shaped", {bubbles: true}));
}

const near = new IntersectionObserver((entries) => {
  for (const {isIntersecting, target} of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    if (!drawn.has(target)) draw(target);
  }
}, {rootMargin: "400px"});

function mountCharts(root) {
  for (const chart of root.querySelectorAll("[data-chart]")) {
    plotOf(chart).replaceChildren();
    plotOf(chart).style.height = `${chart.dataset.height}px`;
    near.observe(chart);
  }
}

// The first one that can be seen is there before somebody comes near it.
function drawFirst() {
  const first = [...document.querySelectorAll("[data-chart]")].find((chart) => chart.checkVisibility());
  if (first && !drawn.has(first)) draw(first);
}

// Before elements leave the page.
function forgetCharts(root) {
  for (const chart of root.querySelectorAll("[data-chart]")) {
    near.unobserve(chart);
    if (drawn.delete(chart)) Plotly.purge(plotOf(chart));
  }
}

DARK.addEventListener("change", () => drawn.forEach(draw));
