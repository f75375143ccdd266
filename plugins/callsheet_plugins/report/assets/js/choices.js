// Choices: of the elements that a select names, one is shown. What was chosen survives a section that is replaced.
const chosen = new Map();  // by the id of the select

function mountChoices(root) {
  for (const box of root.querySelectorAll("[data-choose]")) {
    const select = box.querySelector("select");
    const values = [...select.options].map(({value}) => value);
    if (values.includes(chosen.get(select.id))) select.value = chosen.get(select.id);
    select.addEventListener("change", () => {
      showChosen(select, values);
      dispatchEvent(new Event("resize"));  // a chart that was hidden has the width of then
    });
    box.hidden = false;
    showChosen(select, values);
  }
}

function showChosen(select, values) {
  chosen.set(select.id, select.value);
  for (const id of values) document.getElementById(id).hidden = id !== select.value;
}
