// Shaping: other arms as thin lines, smooth lines over what was logged, and who asks for them.
const QUIET = "#56595c";
const THIN = 20000;  // points of all thin lines together

SHAPERS.push((traces, figure, state) => {
  const carried = figure.layout.meta?.curves;
  if (!carried) return traces;
  const smooth = state.smooth ? traces.flatMap((trace) => smoothed(trace, state.smooth)) : traces;
  const all = [...thin(carried, figure, state), ...smooth];
  return state.log ? positive(all) : all;
});

// All that is off, as one line with gaps, so that a thousand cost little.
function thin({lines, is_many}, {data}, {off}) {
  const others = is_many ? data.filter(({meta, legendgroup}) => meta?.line !== undefined && off.has(legendgroup)) : [];
  const every = Math.ceil(others.length * (others[0]?.x.length ?? 0) / THIN);
  const made = {type: "scatter", mode: "lines", name: "", uid: "thin", x: [], y: [], text: [], line: {color: QUIET, width: 0.7}, opacity: .3, hovertemplate: "%{text}: %{y:.4g}<extra></extra>"};
  for (const {x, y, name} of others) {
    const values = valuesOf(y);
    valuesOf(x).forEach((step, place) => place % every || (made.x.push(step), made.y.push(values[place]), made.text.push(name)));
    made.x.push(NaN), made.y.push(NaN), made.text.push(name);
  }
  return others.length ? [made] : [];
}

// A running average that forgets by `share` at each point; the line as it was stays behind it.
function smoothed(trace, share) {
  if (trace.meta?.line === undefined) return [trace];
  let sum = 0, weight = 0;
  const y = valuesOf(trace.y).map((value) => {
    if (!Number.isFinite(value)) return NaN;
    sum = sum * share + value * (1 - share), weight = weight * share + 1 - share;
    return sum / weight;
  });
  const raw = {...trace, uid: `${trace.uid}-raw`, opacity: .3, hoverinfo: "skip", hovertemplate: undefined, line: {...trace.line, width: 1}, mode: "lines"};
  return [raw, {...trace, y, hovertemplate: "%{y:.4g} smoothed", customdata: undefined}];
}

// On a logarithmic axis, a band that reaches below zero ends a little below the lowest line.
function positive(traces) {
  const lines = traces.filter(({meta, hoverinfo}) => meta && hoverinfo !== "skip");
  const least = lines.flatMap(({y}) => valuesOf(y)).reduce((low, value) => value > 0 && value < low ? value : low, Infinity) / 2;
  const isEdge = ({meta, hoverinfo}) => !meta && hoverinfo === "skip";
  return traces.map((trace) => isEdge(trace) ? {...trace, y: valuesOf(trace.y).map((value) => Math.max(value, least))} : trace);
}

document.addEventListener("drawn", ({target}) => addShaping(target));

// Also where they are there, since a chart that is shown live may need more of them.
function addShaping(chart) {
  const carried = figureOf(chart).layout.meta?.curves, place = chart.querySelector("[data-tools]");
  if (!carried) return;
  const hasRuns = (carried.runs ?? []).some((names) => names.length > 1);
  const wanted = [hasRuns && singleRuns, carried.is_many && sameEverywhere, carried.is_smooth && smoothing].filter(Boolean);
  const there = place.querySelector(".shaping");
  if ((there?.childElementCount ?? 0) === wanted.length) return;
  const name = `Lines of ${chart.querySelector("figcaption").textContent}`;
  there?.remove();
  place.insertBefore(element("div", {class: "shaping", role: "group", "aria-label": name}, ...wanted.map((add) => add(chart))), place.querySelector(".zoom"));
}

function sameEverywhere(chart) {
  return button({title: "Show in each chart what is shown here"}, ["Same in all charts"], () => spread(chart));
}

function singleRuns(chart) {
  return button({"aria-pressed": `${Boolean(stateOf(chart).runs)}`}, ["Single runs"], ({currentTarget}) => {
    const state = stateOf(chart);
    state.runs = !state.runs;
    currentTarget.setAttribute("aria-pressed", `${state.runs}`);
    reshape(chart);
  });
}

function smoothing(chart) {
  const state = stateOf(chart);
  const input = element("input", {type: "range", min: 0, max: 0.95, step: 0.05, value: state.smooth ?? 0});
  input.addEventListener("input", () => {
    state.smooth = Number(input.value);
    draw(chart);
  });
  return element("label", {class: "range"}, "Smooth ", input);
}

function spread(chart) {
  const shown = new Set(figureOf(chart).layout.meta.curves.lines.filter(([name]) => !stateOf(chart).off.has(name)).map(([, arm]) => arm));
  for (const other of chart.closest("section").querySelectorAll("[data-chart]")) {
    const {lines} = figureOf(other).layout.meta?.curves ?? {};
    if (!lines) continue;
    stateOf(other).off = new Set(lines.filter(([, arm]) => !shown.has(arm)).map(([name]) => name));
    if (drawn.has(other)) press(other);
  }
  say("Shown in all charts");
}
