// Kinds: boxes beside a table that leave out its rows of a kind.
function mountKinds(root) {
  for (const boxes of root.querySelectorAll("[data-kinds]")) {
    boxes.hidden = false;
    boxes.addEventListener("change", () => say(`${counted(leaveOut(boxes), "row")} shown`));
    leaveOut(boxes);
  }
}

function leaveOut(boxes) {
  const table = boxes.parentElement.querySelector("table");
  const left = [...boxes.querySelectorAll("input:not(:checked)")];
  table.dataset.without = left.map((box) => box.value).join(" ");
  return show(table);
}
