// Answers: what was said to each prompt at two checkpoints. What was chosen survives a section that is replaced.
const ANSWERS_SHOWN = 15;
const ANSWER_PLACES = "0123456789abcdefghijklmnopqrstuvwxyz";
const answersChosen = {};  // benchmark, from, to, filter and words, by their names

const ANSWER_MARKS = {"1": "right", "0": "wrong"};
const FLIP_WORDS = {binary: ["wrong → right", "right → wrong", "right in both", "wrong in both"], graded: ["rose", "fell", "the same, 1 or more", "the same, below 1"]};
const TURNED_ROUND = {better: "worse", worse: "better"};

function mountAnswers(root) {
  for (const box of root.querySelectorAll("[data-answers]")) startAnswers(box);
}

function startAnswers(box) {
  const state = {sets: [], text: null}, controls = controlsOf(box);
  const show = () => showAnswers(box, state.sets, controls);
  controls.which.addEventListener("change", () => {
    answersChosen.which = controls.which.selectedOptions[0].text;
    fillColumns(state.sets, controls);
    show();
  });
  for (const name of ["from", "to", "filter", "search"]) controls[name].addEventListener("input", () => { rememberAnswers(controls); show(); });
  controls.search.value = answersChosen.search ?? "";
  const content = box.querySelector("[data-content]");
  const read = () => {
    if (content.textContent === state.text) return;
    state.text = content.textContent;
    state.sets = JSON.parse(state.text);
    fillSelect(controls.which, state.sets.map(({metric}) => metric), answersChosen.which ?? 0);
    fillColumns(state.sets, controls);
    show();
  };
  new MutationObserver(read).observe(content, {childList: true, characterData: true, subtree: true});  // of a live page
  for (const each of box.querySelectorAll("[data-choosing]")) each.hidden = false;
  read();
}

const controlsOf = (box) => ({
  which: box.querySelector("[data-which]"), from: box.querySelector("[data-from]"), to: box.querySelector("[data-to]"),
  filter: box.querySelector("[data-filter]"), search: box.querySelector("input"),
});

function rememberAnswers({from, to, filter, search}) {
  Object.assign(answersChosen, {from: from.selectedOptions[0].text, to: to.selectedOptions[0].text, filter: filter.value, search: search.value});
}

// `chosen` is a place, or the name of an option, which another choice may have taken away.
function fillSelect(select, names, chosen, otherwise = 0) {
  select.replaceChildren(...names.map((name, place) => element("option", {value: `${place}`}, name)));
  const place = typeof chosen === "string" ? names.indexOf(chosen) : chosen;
  select.value = `${place < 0 ? otherwise : place}`;
}

function fillColumns(sets, {which, from, to, filter}) {
  const {columns, main, binary} = sets[which.value];
  fillSelect(from, columns, answersChosen.from ?? main[0], main[0]);
  fillSelect(to, columns, answersChosen.to ?? main[1], main[1]);
  const words = binary ? FLIP_WORDS.binary : FLIP_WORDS.graded;
  const kinds = [["all", "all prompts"], ["flipped", "all that changed"], ...words.map((name, place) => [`${place}`, name])];
  filter.replaceChildren(...kinds.map(([value, name]) => element("option", {value}, name)));
  filter.value = kinds.some(([value]) => value === answersChosen.filter) ? answersChosen.filter : "all";
}

function showAnswers(box, sets, controls) {
  const set = sets[controls.which.value];
  const from = Number(controls.from.value), to = Number(controls.to.value);
  box.querySelector("[data-summary]").replaceChildren(...answerSummary(set, from, to));
  const words = controls.search.value.trim().toLowerCase();
  const found = set.rows.filter((row) => isWantedKind(kindOf(set, row, from, to), controls.filter.value) && holdsWords(set, row, from, to, words));
  box.querySelector("[data-count]").textContent = `${counted(found.length, "prompt")} of ${set.prompts.toLocaleString("en")}`;
  listAnswers(box, set, found, from, to, ANSWERS_SHOWN);
}

function listAnswers(box, set, found, from, to, most) {
  const list = box.querySelector("[data-list]"), more = box.querySelector("[data-more]");
  list.classList.toggle("short", set.short);
  list.replaceChildren(...found.slice(0, most).map((row) => askedRow(set, row, from, to)));
  more.hidden = found.length <= most;
  more.onclick = () => {
    listAnswers(box, set, found, from, to, most + 4 * ANSWERS_SHOWN);
    list.children[most]?.setAttribute("tabindex", "-1");
    list.children[most]?.focus();
  };
}

// 0 rose, 1 fell, 2 the same and right, 3 the same and wrong; null where one of both has no score.
function kindOf(set, row, from, to) {
  const before = scoreOf(row, from), after = scoreOf(row, to);
  if (before === null || after === null) return null;
  if (before !== after) return after > before ? 0 : 1;
  return after >= 1 ? 2 : 3;
}

function scoreOf([, , , , scores], column) {
  if (typeof scores !== "string") return scores[column];
  return scores[column] === "-" ? null : Number(scores[column]);
}

const isWantedKind = (kind, filter) => filter === "all" || (filter === "flipped" ? kind === 0 || kind === 1 : String(kind) === filter);

function answerOf([, , answers, places], column) {
  if (places[column] === "-") return null;
  return places[column] === "~" ? undefined : answers[ANSWER_PLACES.indexOf(places[column])];
}

function holdsWords(set, row, from, to, words) {
  return !words || [row[0], row[1], answerOf(row, from), answerOf(row, to)].some((text) => text?.toLowerCase().includes(words));
}

function askedRow(set, row, from, to) {
  const columns = from === to ? [from] : [from, to];
  const kind = kindOf(set, row, from, to);
  const parts = [answerPart("Prompt", row[0]), ...(row[1] ? [answerPart("Target", row[1])] : [])];
  for (const column of columns) parts.push(answerPart(set.columns[column], answerOf(row, column), markOf(set, row, column)));
  return element("li", {class: "flip", "data-kind": kind === 0 || kind === 1 ? kind : undefined}, element("dl", {}, ...parts));
}

function answerPart(name, text, mark) {
  const said = text === null ? "no answer" : text === undefined ? "left out of this page" : text === "" ? "(empty)" : text;
  const title = element("dt", {}, name, ...(mark ? [" ", mark] : []));
  return element("div", {}, title, element("dd", {class: said === text ? undefined : "quiet", dir: "auto"}, said));
}

function markOf({binary}, row, column) {
  const score = scoreOf(row, column);
  if (score === null) return null;
  const word = binary ? ANSWER_MARKS[score] : String(score);
  return element("span", {class: binary ? `status ${score ? "good" : "bad"}` : "status"}, word);
}

function answerSummary(set, from, to) {
  if (from === to) return [element("p", {}, `${set.metric} of ${set.columns[from]}: ${scoreText(set.scores[from])}.`)];
  const forward = from < to;
  const found = set.pairs[forward ? `${from}-${to}` : `${to}-${from}`];
  const [rose, fell, high, low] = found;
  const words = set.binary ? FLIP_WORDS.binary : FLIP_WORDS.graded;
  const numbers = forward ? [rose, fell, high, low] : [fell, rose, high, low];
  const facts = words.map((name, place) => element("div", {}, element("dt", {}, name), element("dd", {}, numbers[place].toLocaleString("en"))));
  return [element("dl", {class: "facts counts"}, ...facts), element("p", {}, verdictOf(set, found, from, to, forward))];
}

// In the words of experiment.md. The numbers were computed there, for the earlier column first.
function verdictOf(set, [, , , , difference, low, high, verdict, prompts, clusters, why], from, to, forward) {
  const about = `From ${set.columns[from]} to ${set.columns[to]}`;
  if (verdict === undefined) return `${about}: no interval was computed for this pair. Neighbours, and the first and last of a run, have one.`;
  if (verdict === "no verdict") return `${about}: no verdict, ${why}.`;
  const [by, start, end] = forward ? [difference, low, high] : [-difference, -high, -low];
  const how = forward ? verdict : TURNED_ROUND[verdict] ?? verdict;
  const over = clusters === prompts ? counted(prompts, "prompt") : `${counted(prompts, "prompt")} in ${counted(clusters, "cluster")}`;
  return `${about}: ${how}, ${scoreText(by, "+")} (95 % from ${scoreText(start, "+")} to ${scoreText(end, "+")}), over ${over}. `
    + "This compares two checkpoints, not two methods: another seed may turn it round.";
}

// As experiment.md writes a number.
function scoreText(value, plus = "") {
  if (value === null || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  const said = size >= 1000 || (size > 0 && size < 1e-3) ? String(Number(size.toPrecision(4))) : size.toFixed(size >= 0.01 || size === 0 ? 3 : 4);
  return `${value < 0 ? "-" : plus}${said}`;
}
