// Zoom without a mouse: buttons move and stretch the horizontal axes; the vertical one follows what is seen.
const MOVES = [
  ["Zoom in", "+", ([low, high]) => [low + (high - low) / 4, high - (high - low) / 4]],
  ["Zoom out", "−", ([low, high]) => [low - (high - low) / 2, high + (high - low) / 2]],
  ["Move left", "←", ([low, high]) => [low - (high - low) / 4, high - (high - low) / 4]],
  ["Move right", "→", ([low, high]) => [low + (high - low) / 4, high + (high - low) / 4]],
];

document.addEventListener("drawn", ({target}) => addZoom(target));

function addZoom(chart) {
  const place = chart.querySelector("[data-tools]");
  if (place.querySelector(".zoom")) return;
  const name = chart.querySelector("figcaption").textContent;
  const moves = MOVES.map(([title, sign, move]) => button({title, "aria-label": title}, [sign], () => zoom(chart, move)));
  const made = element("div", {class: "zoom", role: "group", "aria-label": `Zoom of ${name}`}, ...moves);
  made.append(button({}, ["Reset"], () => reset(chart)));
  if (plotOf(chart)._fullLayout.yaxis?.type === "linear") made.prepend(logarithm(chart));
  place.append(made);
}

const axesOf = (plot, letter) => Object.keys(plot._fullLayout).filter((key) => new RegExp(`^${letter}axis\\d*$`).test(key));

function zoom(chart, move) {
  const plot = plotOf(chart);
  const changes = {};
  for (const key of axesOf(plot, "x")) {
    const axis = plot._fullLayout[key];
    changes[`${key}.range`] = move(axis.range.map((end) => axis.r2l(end))).map((end) => axis.l2r(end));
  }
  Plotly.relayout(plot, changes).then(() => fit(plot));
}

function reset(chart) {
  const plot = plotOf(chart);
  const all = [...axesOf(plot, "x"), ...axesOf(plot, "y")];
  Plotly.relayout(plot, Object.fromEntries(all.map((key) => [`${key}.autorange`, true])));
}

// The vertical range of what lies in the horizontal one.
function fit(plot) {
  const changes = {};
  for (const key of axesOf(plot, "y")) {
    const axis = plot._fullLayout[key];
    const seen = axis.type === "linear" ? plot._fullData.filter((trace) => trace.type === "scatter" && axisKey(trace.yaxis) === key).flatMap((trace) => inside(plot, trace)) : [];
    if (!seen.length) continue;
    const low = seen.reduce((a, b) => Math.min(a, b)), high = seen.reduce((a, b) => Math.max(a, b));
    const air = (high - low || Math.abs(high) || 1) / 20;
    changes[`${key}.range`] = [low - air, high + air];
  }
  if (Object.keys(changes).length) Plotly.relayout(plot, changes);
}

const axisKey = (id) => `${id[0]}axis${id.slice(1)}`;

function inside(plot, {x, y, xaxis}) {
  const axis = plot._fullLayout[axisKey(xaxis)];
  const [low, high] = axis.range.map((end) => axis.r2l(end));
  return Array.from(y ?? []).filter((value, place) => Number.isFinite(value) && axis.d2l(x[place]) >= low && axis.d2l(x[place]) <= high);
}

function logarithm(chart) {
  return button({"aria-pressed": `${stateOf(chart).log}`}, ["Log scale"], ({currentTarget}) => {
    const state = stateOf(chart);
    state.log = !state.log;
    currentTarget.setAttribute("aria-pressed", `${state.log}`);
    draw(chart);
  });
}
