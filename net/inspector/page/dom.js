/** Makes an element. Text is always text: what the program says never becomes markup. */
export function el(tag, { class: name, text, ...props } = {}, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  for (const [key, value] of Object.entries(props)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

/** Sets a text, unless it is the same: a selection in it stays. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Replaces the children, unless they are made of the same as the last time: a focus in them stays. */
export function setChildren(element, key, make) {
  const text = JSON.stringify(key);
  if (element.madeOf === text) return;
  element.madeOf = text;
  element.replaceChildren(...make());
}
