// Copy: a button beside a text puts it on the clipboard.
function mountCopying(root) {
  for (const each of root.querySelectorAll("[data-copy]")) {
    each.hidden = false;
    each.addEventListener("click", () => copy(each));
  }
}

async function copy(pressed) {
  const source = pressed.parentElement.querySelector("pre, code");
  try {
    await navigator.clipboard.writeText(source.textContent);
    say("Copied");
  } catch {
    getSelection().selectAllChildren(source);  // for Ctrl+C, where the browser forbids the rest
    say("Selected; press Ctrl+C to copy");
  }
}
