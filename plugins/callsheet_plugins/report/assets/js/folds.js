// Folds: a search over the titles of many of them.
function mountFolds(root) {
  for (const list of root.querySelectorAll("[data-folds]")) {
    const foldsNow = () => [...list.querySelectorAll(":scope > details")];
    const label = list.querySelector("label");
    label.hidden = foldsNow().length <= MANY;
    label.querySelector("input").addEventListener("input", ({target}) => {
      const folds = foldsNow();
      for (const fold of folds) fold.hidden = !matches(fold.querySelector("summary").textContent, target.value);
      say(`${counted(folds.filter((fold) => !fold.hidden).length, "metric")} found`);
    });
  }
}
