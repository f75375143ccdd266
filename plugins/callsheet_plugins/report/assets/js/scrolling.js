// Boxes that scroll sideways: the keyboard reaches those that are wider than their place.
const wideness = new ResizeObserver((entries) => entries.forEach(({target}) => judge(target.closest(".scroll"))));

function mountScrolling(root) {
  for (const box of root.querySelectorAll(".scroll")) {
    wideness.observe(box);
    for (const inside of box.children) wideness.observe(inside);
  }
}

function judge(box) {
  const caption = box.querySelector("caption")?.textContent;
  const named = {tabindex: "0", role: "group", "aria-label": `${caption ?? "Content"}, scrolls sideways`};
  const scrolls = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
  for (const [key, value] of Object.entries(named)) scrolls ? box.setAttribute(key, value) : box.removeAttribute(key);
}
