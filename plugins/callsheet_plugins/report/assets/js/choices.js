// Choices: of the elements that a select names, one is shown. What was chosen survives a section that is replaced.
const chosen = new Map();  // by the id of the select

function mountChoices(root) {
  for (const box of root.querySelectorAll("[data-choose]")) {
    const select = box.querySelector("select");
    if (optionsOf(select).includes(chosen.get(select.id))) select.value = chosen.get(select.id);
    select.addEventListener("change", () => {
      showChosen(select);
      dispatchEvent(new Event("resize"));  // a chart that was hidden has the width of then
    });
    new MutationObserver(() => showChosen(select)).observe(select, {childList: true});  // a live page may come to have more
    box.hidden = false;
    showChosen(select);
  }
}

const optionsOf = (select) => [...select.options].map(({value}) => value);

function showChosen(select) {
  chosen.set(select.id, select.value);
  for (const id of optionsOf(select)) document.getElementById(id).hidden = id !== select.value;
}
