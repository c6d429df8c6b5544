// Elements of the document. Text only ever becomes text: nothing here parses HTML.

type Child = Node | string | number | null | undefined | false;

interface Properties {
  class?: string;
  title?: string;
  on?: Partial<Record<string, (event: Event) => void>>;
  // Attributes; true is one without a value, false or undefined none.
  attributes?: Record<string, string | number | boolean | undefined>;
  value?: string;
  checked?: boolean;
}

function isChild(argument: Properties | Child): argument is Child {
  return argument === null || typeof argument !== "object" || argument instanceof Node;
}

/** h("button", {class: "x"}, "text", child …): an element. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  first?: Properties | Child,
  ...rest: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  const children = first === undefined || isChild(first) ? [first, ...rest] : rest;
  if (first !== undefined && !isChild(first)) apply(element, first);
  append(element, ...children);
  return element;
}

function apply(element: HTMLElement, properties: Properties) {
  if (properties.class) element.className = properties.class;
  if (properties.title) element.title = properties.title;
  for (const [name, value] of Object.entries(properties.attributes ?? {}))
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  for (const [name, listener] of Object.entries(properties.on ?? {}))
    if (listener) element.addEventListener(name, listener);
  if (properties.value !== undefined) (element as HTMLInputElement).value = properties.value;
  if (properties.checked !== undefined) (element as HTMLInputElement).checked = properties.checked;
}

export function append(element: Element, ...children: Child[]) {
  for (const child of children)
    if (child !== null && child !== undefined && child !== false)
      element.append(child instanceof Node ? child : String(child));
}

/** The children in place of those that were there. */
export function fill(element: Element, ...children: Child[]) {
  element.replaceChildren();
  append(element, ...children);
}

const kFocusable = "a, button, input, select, summary";

/** The same, with the focus on the element that takes the place of the focused one. */
export function refill(element: Element, ...children: Child[]) {
  const before = [...element.querySelectorAll(kFocusable)];
  const focused = before.findIndex((each) => each === document.activeElement);
  fill(element, ...children);
  if (focused < 0) return;
  const after = element.querySelectorAll<HTMLElement>(kFocusable)[focused];
  if (after?.tagName === before[focused].tagName) after.focus();
}

export function button(text: string, action: () => void, attributes: Properties["attributes"] = {}): HTMLButtonElement {
  return h("button", { attributes: { type: "button", ...attributes }, on: { click: action } }, text);
}

let lastId = 0;
/** An id that no other element has. */
export function freshId(prefix: string): string {
  lastId++;
  return `${prefix}-${lastId}`;
}

/** A select with its visible label. */
export function choice(
  label: string,
  options: readonly (readonly [value: string, text: string])[],
  selected: string,
  changed: (value: string) => void,
): HTMLLabelElement {
  const select = h("select", { on: { change: () => changed(select.value) } });
  for (const [value, text] of options)
    select.append(h("option", { attributes: { value, selected: value === selected } }, text));
  return h("label", { class: "choice" }, h("span", label), select);
}

/** Whether keys typed there are text. */
export function takesText(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
  );
}
