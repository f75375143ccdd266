// Elements, made by name: no text ever becomes HTML.
function element(name, attributes = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...inside);
  return made;
}

function button(attributes, inside, act) {
  const made = element("button", {type: "button", ...attributes}, ...inside);
  made.addEventListener("click", act);
  return made;
}

// Tell a screen reader what has just happened.
function say(text) {
  document.querySelector("[data-said]").textContent = text;
}

const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
