// The keys, on "?".
import { button, h } from "./dom";

const kEverywhere: [string, string][] = [
  ["?", "this help"],
  ["/", "highlight: type a regular expression"],
  ["Esc", "leave a field, close this help, zoom out"],
  ["t", "light, dark, or as the system has it"],
];
const kPage: [string, string][] = [
  ["1 … 6", "processes, flame graph, functions, compare, changes, metrics"],
  ["r", "ask the server again"],
];
const kGraph: [string, string][] = [
  ["Tab", "into the flame graph"],
  ["↓ ↑", "to what a frame calls, to its caller (where roots are at the bottom: the other way round)"],
  ["← →", "to the frames beside it"],
  ["Home", "to the root"],
  ["Enter", "zoom into the frame; at the zoomed frame: out again"],
  ["n N", "to the next, the previous highlighted frame"],
  ["c", "callers and callees of the frame's function"],
  ["f i", "focus on the frame's function, ignore it"],
];

function keys(title: string, rows: [string, string][]): HTMLElement {
  const body = h("tbody");
  for (const [key, text] of rows) body.append(h("tr", h("th", { attributes: { scope: "row" } }, h("kbd", key)), h("td", text)));
  return h("table", h("caption", title), body);
}

export function helpDialog(ofPage: boolean): HTMLDialogElement {
  const dialog = h("dialog", { class: "help", attributes: { "aria-labelledby": "help-title" } });
  dialog.append(
    h("h2", { attributes: { id: "help-title" } }, "Keys"),
    keys("Everywhere", ofPage ? [...kEverywhere, ...kPage] : kEverywhere),
    keys("In the flame graph", kGraph),
    h(
      "p",
      "Focus shows only stacks with a matching frame, ignore only those without one; highlight marks what matches. ",
      "Expressions match names, source files and executables.",
    ),
    button("Close", () => dialog.close()),
  );
  return dialog;
}
