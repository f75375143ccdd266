// Merging: what was sent anew and differs is changed in the page. What a reader opened, typed, sorted, zoomed or marked stays.
const showing = new WeakMap();  // what was sent, and the element or text of the page that shows it

function pair(sent, shown) {
  showing.set(sent, shown);
  const inside = [...shown.childNodes];
  sent.childNodes.forEach((child, place) => pair(child, inside[place]));
}

// Make `known`, and what shows it, what `sent` is; `added` gets the elements that are new in the page.
function merge(known, sent, added) {
  if (known.isEqualNode(sent)) return;
  if (known.nodeType !== Node.ELEMENT_NODE) known.data = showing.get(known).data = sent.data;
  else {
    mergeAttributes(known, sent);
    mergeChildren(known, sent, added);
  }
}

function mergeAttributes(known, sent) {
  const names = new Set([...known.getAttributeNames(), ...sent.getAttributeNames()]);
  for (const name of names) {
    const value = sent.getAttribute(name);
    if (name === "open" || known.getAttribute(name) === value) continue;  // a fold is the reader's
    for (const each of [known, showing.get(known)]) value === null ? each.removeAttribute(name) : each.setAttribute(name, value);
  }
}

function mergeChildren(known, sent, added) {
  const waiting = Map.groupBy(known.childNodes, nameOf);
  const wanted = [...sent.childNodes].map((child) => [waiting.get(nameOf(child))?.shift(), child]);
  for (const gone of [...waiting.values()].flat()) leave(gone);
  let last = null;
  for (const [place, [same, child]] of wanted.entries()) {
    const here = same ?? child;
    if (same) merge(same, child, added);
    else added.push(showNew(child));
    if (known.childNodes[place] !== here) {
      known.insertBefore(here, known.childNodes[place] ?? null);
      last ? showing.get(last).after(showing.get(here)) : showing.get(known).prepend(showing.get(here));
    }
    last = here;
  }
}

// By what a child is known again: its id, a row by what it is of, anything else by its kind and place.
function nameOf(node) {
  if (node.id) return `#${node.id}`;
  if (node.nodeName === "TR") return `TR ${node.cells[0]?.textContent}`;
  return node.nodeName;
}

function showNew(child) {
  const shown = document.importNode(child, true);
  pair(child, shown);
  return shown;
}

function leave(gone) {
  const shown = showing.get(gone);
  if (shown.nodeType === Node.ELEMENT_NODE) forgetCharts(shown.matches("[data-chart]") ? {querySelectorAll: () => [shown]} : shown);
  shown.remove();
  gone.remove();
}
