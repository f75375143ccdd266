// Curves: lines that a figure carries as packed numbers alone, made when they are asked for (figures/curves.py).
const STROKES = ["solid", "dash", "dot", "dashdot"];
const PACKED = 65534;  // one more says that there is no number
const DOTTED = 40;  // a line of so few points shows each as a dot
const LIGHT = THEME.light.layout.colorway;
const decoded = new Map();  // the last rows, by the text that packs them

EXPANDERS.push((figure, {id}) => {
  for (const trace of figure.data) if (trace.dx !== undefined) trace.x = stepsOf(trace, valuesOf(trace.y).length);
  const carried = figure.layout.meta?.curves;
  const there = new Set(figure.data.map(({meta}) => meta?.line));
  (carried?.lines ?? []).forEach((line, at) => {
    if (!there.has(at)) figure.data.push(...carriedLine(carried, line, at));
  });
  if (carried?.runs && states.get(id)?.runs) figure.data.push(...figure.data.flatMap((trace) => singleRunsOf(carried, trace)));
  return figure;
});

const stepsOf = ({x, x0, dx}, length) => x ? valuesOf(x) : Array.from({length}, (_, place) => x0 + place * dx);

function carriedLine(carried, [name, arm, set, start, stop], at) {
  const of = carried.sets[set], runs = unpacked(of).slice(start, stop);
  const color = LIGHT[arm % LIGHT.length], dash = STROKES[Math.floor(arm / LIGHT.length) % STROKES.length];
  const base = {type: "scatter", name, legendgroup: name, x: stepsOf(of, of.count), visible: "legendonly"};
  const line = (y) => ({...base, y, mode: isDotted(y) ? "lines+markers" : "lines", line: {color, dash, width: 2}, marker: {size: 5, color}});
  if (runs.length === 1) return [{...line(runs[0]), meta: {line: at}}];
  const {mean, low, high, count} = bandOf(runs, carried.reach);
  const edge = {...base, mode: "lines", line: {width: 0}, hoverinfo: "skip", showlegend: false};
  const customdata = mean.map((_, place) => [low[place], high[place], count[place]]);
  return [{...edge, y: low}, {...edge, y: high, fill: "tonexty", fillcolor: faint(color)}, {...line(mean), customdata, ...carried.band, meta: {...carried.band.meta, line: at}}];
}

// Behind the line, with which they come and go.
function singleRunsOf(carried, {meta, line, legendgroup}) {
  const [name, , set, start, stop] = carried.lines[meta?.line] ?? [];
  if (!(stop - start > 1)) return [];
  const of = carried.sets[set], x = stepsOf(of, of.count);
  return unpacked(of).slice(start, stop).map((y, place) => ({
    type: "scatter", mode: isDotted(y) ? "lines+markers" : "lines", name: `${name}, ${carried.runs[meta.line][place]}`, legendgroup, showlegend: false, x, y,
    line: {color: line.color, width: 1}, marker: {size: 3, color: line.color}, opacity: .6, zorder: -1, hovertemplate: "%{y:.4g}",
  }));
}

function isDotted(y) {
  const there = y.map(Number.isFinite);
  return there.filter(Boolean).length <= DOTTED || there.some((is, place) => is && !there[place - 1] && !there[place + 1]);
}

function faint(colour) {
  const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return `rgba(${parts.join(",")},0.18)`;
}

function unpacked({data, low, high, log, count}) {
  if (decoded.has(data)) return decoded.get(data);
  const places = new Uint16Array(Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0)).buffer);
  const made = low.map((least, row) => Array.from(places.subarray(row * count, (row + 1) * count), (place) => {
    if (place > PACKED) return NaN;
    const value = least * (1 - place / PACKED) + high[row] * (place / PACKED);
    return log[row] ? Math.exp(value) : value;
  }));
  decoded.clear();
  decoded.set(data, made);
  return made;
}

// The mean of runs at each step, and its interval; `reach` says how many standard errors it reaches with 2, 3, … runs.
function bandOf(runs, reach) {
  const band = {mean: [], low: [], high: [], count: []};
  for (let place = 0; place < runs[0].length; place++) {
    const values = runs.map((run) => run[place]).filter(Number.isFinite), count = values.length;
    const mean = values.reduce((sum, value) => sum + value, 0) / count;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const half = count > 1 ? reach[count - 2] * Math.sqrt(squares / (count - 1) / count) : NaN;
    band.mean.push(mean), band.low.push(mean - half), band.high.push(mean + half), band.count.push(count);
  }
  return band;
}
