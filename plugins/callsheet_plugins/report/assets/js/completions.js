// Completions: steps that stand beside each other, words that are looked for, and one prompt over all its steps.
const FIRST_PROMPTS = 6;  // that are shown before somebody asks for all

function mountCompletions(root) {
  for (const box of root.querySelectorAll("[data-completions]")) {
    const told = () => say(`${counted(compareSteps(box), "prompt")} found`);
    box.querySelector("[data-controls]").hidden = false;
    for (const input of box.querySelectorAll("[data-controls] input")) input.addEventListener("input", told);
    for (const all of box.querySelectorAll("[data-every-step]")) {
      all.hidden = false;
      all.addEventListener("click", () => {
        all.setAttribute("aria-pressed", all.getAttribute("aria-pressed") !== "true");
        compareSteps(box);
      });
    }
    box.querySelector("[data-all-prompts]").addEventListener("click", () => {
      box.dataset.all = "";
      const seen = box.querySelectorAll("[data-asked]:not([hidden])").length;
      told();
      const next = box.querySelectorAll("[data-asked]:not([hidden])")[seen];
      next.tabIndex = -1;
      next.focus();
    });
    compareSteps(box);
  }
}

function compareSteps(box) {
  const boxes = [...box.querySelectorAll("input[type=checkbox]")];
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
