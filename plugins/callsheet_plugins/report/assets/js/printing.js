// Paper: light colours, all charts in its width, and what is small unfolded.
const PAPER = 660;  // pixels, which fit on A4 and on Letter
const SMALL = 4000;  // characters

let unfolded = [];

addEventListener("beforeprint", () => {
  onPaper = true;
  unfolded = [...document.querySelectorAll("details.fold:not([open])")].filter((fold) => fold.textContent.length < SMALL);
  for (const fold of unfolded) fold.open = true;
  for (const chart of document.querySelectorAll("[data-chart]")) toPaper(chart);
});

addEventListener("afterprint", () => {
  onPaper = false;
  for (const fold of unfolded) fold.open = false;
  for (const chart of drawn) toScreen(chart);
});

function toPaper(chart) {
  if (!chart.checkVisibility()) return;
  plotOf(chart).style.width = `${PAPER}px`;
  near.unobserve(chart);
  draw(chart);
  addLegend(chart);
  Plotly.relayout(plotOf(chart), {width: PAPER});
}

function toScreen(chart) {
  plotOf(chart).style.width = "";
  draw(chart);
  addLegend(chart);
  Plotly.relayout(plotOf(chart), {width: null, autosize: true});
}
