// Charts: each is drawn when it comes near the screen, and again when the scheme changes.
const drawn = new Set();  // figure elements

const plotOf = (chart) => chart.querySelector(".plot");

async function draw(chart) {
  if (drawn.has(chart)) return;
  drawn.add(chart);
  const {data, layout} = dressed(figureOf(chart.id));
  await Plotly.newPlot(plotOf(chart), data, layout, CONFIG);
  chart.dispatchEvent(new CustomEvent("drawn", {bubbles: true}));
  if (!performance.getEntriesByName("first-chart").length) performance.mark("first-chart");
}

async function redraw(chart) {
  const {data, layout} = dressed(figureOf(chart.id));
  await Plotly.react(plotOf(chart), data, layout, CONFIG);
}

const near = new IntersectionObserver((entries) => {
  for (const {isIntersecting, target} of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    draw(target);
  }
}, {rootMargin: "400px"});

function mountCharts(root) {
  for (const chart of root.querySelectorAll("[data-chart]")) {
    plotOf(chart).style.height = `${chart.dataset.height}px`;
    near.observe(chart);
  }
}

DARK.addEventListener("change", () => drawn.forEach(redraw));
