// Folds: a search over the titles of many of them.
function mountFolds(root) {
  for (const list of root.querySelectorAll("[data-folds]")) {
    const folds = [...list.querySelectorAll(":scope > details")];
    const label = list.querySelector("label");
    label.hidden = folds.length <= MANY;
    label.querySelector("input").addEventListener("input", ({target}) => {
      for (const fold of folds) fold.hidden = !matches(fold.querySelector("summary").textContent, target.value);
      say(`${counted(folds.filter((fold) => !fold.hidden).length, "metric")} found`);
    });
  }
}
