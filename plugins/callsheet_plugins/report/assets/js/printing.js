// Paper: light colours, all charts in its width, and what is small unfolded.
const PAPER = 660;  // pixels, which fit on A4 and on Letter
const SMALL = 4000;  // characters of a fold that is unfolded
const ROOM = 15000;  // characters that all such folds may take
const CHART = 3000;  // characters that would take the place of a chart

let unfolded = [];

addEventListener("beforeprint", () => {
  onPaper = true;
  unfolded = small([...document.querySelectorAll("details.fold:not([open])")]);
  for (const fold of unfolded) fold.open = true;
  for (const chart of document.querySelectorAll("[data-chart]")) toPaper(chart);
});

addEventListener("afterprint", () => {
  onPaper = false;
  for (const fold of unfolded) fold.open = false;
  for (const chart of drawn) toScreen(chart);
});

function small(folds) {
  let left = ROOM;
  const fits = (size) => size < SMALL && (left -= size) >= 0;
  return folds.filter((fold) => fits(fold.textContent.length + CHART * fold.querySelectorAll("[data-chart]").length));
}

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
