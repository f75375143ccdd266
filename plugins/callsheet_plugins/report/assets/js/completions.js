// Completions: steps that stand beside each other, words that are looked for, and one prompt over all its steps.
const FIRST_PROMPTS = 6;  // that are shown before somebody asks for all
const begun = new WeakSet();  // boxes that listen

function mountCompletions(root) {
  const parts = [...root.querySelectorAll("[data-completions], [data-completions] *")];
  for (const box of new Set(parts.map((part) => part.closest("[data-completions]")))) {
    if (!begun.has(box)) listenTo(box);
    for (const all of box.querySelectorAll("[data-every-step]")) all.hidden = false;
    compareSteps(box);
  }
}

function listenTo(box) {
  begun.add(box);
  box.querySelector("[data-controls]").hidden = false;
  box.addEventListener("input", () => tellFound(box));
  box.addEventListener("click", ({target}) => {
    const all = target.closest("[data-every-step]");
    all?.setAttribute("aria-pressed", all.getAttribute("aria-pressed") !== "true");
    if (all) compareSteps(box);
    if (target.closest("[data-all-prompts]")) showAllPrompts(box);
  });
}

const tellFound = (box) => say(`${counted(compareSteps(box), "prompt")} found`);
const promptsSeen = (box) => box.querySelectorAll("[data-asked]:not([hidden])");

function showAllPrompts(box) {
  const seen = promptsSeen(box).length;
  box.dataset.all = "";
  tellFound(box);
  const next = promptsSeen(box)[seen];
  next.tabIndex = -1;
  next.focus();
}

function compareSteps(box) {
  const boxes = [...box.querySelectorAll("[data-controls] input[type=checkbox]")];
  const steps = new Set(boxes.filter((each) => each.checked).map((each) => each.value));
  const wanted = box.querySelector("input[type=search]").value;
  const asked = [...box.querySelectorAll("[data-asked]")];
  const found = asked.filter((each) => {
    const all = !boxes.length || each.querySelector("[aria-pressed=true]");
    const answers = [...each.querySelectorAll("[data-step]")];
    for (const answer of answers) answer.hidden = !all && !steps.has(answer.dataset.step);
    const texts = [...each.querySelectorAll(".text")].map((text) => text.textContent);
    return !answers.every((answer) => answer.hidden) && matches(texts.join(" "), wanted);
  });
  const seen = new Set("all" in box.dataset ? found : found.slice(0, FIRST_PROMPTS));
  for (const each of asked) each.hidden = !seen.has(each);
  const more = box.querySelector("[data-all-prompts]");
  more.hidden = seen.size === found.length;
  more.textContent = `Show all ${counted(found.length, "prompt")}`;
  box.querySelector("[data-nothing]").hidden = found.length > 0;
  return found.length;
}
