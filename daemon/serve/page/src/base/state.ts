// What is shown, as the address has it: each view is an address that can be sent to a colleague, and
// the browser's back and forward go from view to view. The state stands behind "#", so that one
// file on a disk has addresses too.

export const views = ["processes", "flame", "functions", "function", "compare", "changes", "metrics"] as const;
export type ViewName = (typeof views)[number];

export interface State {
  view: ViewName;
  // What is looked at: times and labels as the server takes them.
  from: string;
  to: string;
  type: string;
  labels: string;
  // What it is compared with; nothing is where base_from is empty.
  base_from: string;
  base_to: string;
  base_labels: string;
  // Regular expressions.
  focus: string;
  ignore: string;
  search: string;
  color: string; // a colouring; "" is the usual one
  zoom: string; // FlameModel.pathKey
  root: string; // where the roots are: "top" or "bottom"
  width: string; // which side of a comparison gives the widths: "now" or "base"
  fn: string; // name of a function
  sort: string; // a column; descending behind "-"
}

export const defaults: State = {
  view: "processes",
  from: "-1h",
  to: "now",
  type: "cpu",
  labels: "",
  base_from: "",
  base_to: "",
  base_labels: "",
  focus: "",
  ignore: "",
  search: "",
  color: "",
  zoom: "",
  root: "top",
  width: "now",
  fn: "",
  sort: "",
};

export function parse(hash: string, initial: State = defaults): State {
  const state = { ...initial };
  const [path, query] = hash.replace(/^#?\/?/, "").split("?", 2);
  const view = views.find((name) => name === path);
  if (view) state.view = view;
  for (const [key, value] of new URLSearchParams(query ?? ""))
    if (key in state && key !== "view") (state as unknown as Record<string, string>)[key] = value;
  return state;
}

export function address(state: State): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(state))
    if (key !== "view" && value !== (defaults as unknown as Record<string, string>)[key]) query.set(key, value as string);
  const text = query.toString();
  return `#/${state.view}${text ? `?${text}` : ""}`;
}

/** Whether two selections are looked at. */
export function compares(state: State): boolean {
  return state.base_from !== "";
}

export interface Navigator {
  readonly state: State;
  // Shows another state; with `replace` the browser's "back" does not return to this one.
  go(change: Partial<State>, replace?: boolean): void;
}

export class HashNavigator implements Navigator {
  state: State;

  constructor(
    private readonly initial: State,
    private readonly changed: () => void,
  ) {
    this.state = parse(location.hash, initial);
    window.addEventListener("popstate", () => this.read());
    window.addEventListener("hashchange", () => this.read());
  }

  private read() {
    const next = parse(location.hash, this.initial);
    if (address(next) === address(this.state)) return;
    this.state = next;
    this.changed();
  }

  go(change: Partial<State>, replace = false) {
    const next = { ...this.state, ...change };
    if (address(next) === address(this.state)) return;
    this.state = next;
    if (replace) history.replaceState(null, "", address(next));
    else history.pushState(null, "", address(next));
    this.changed();
  }
}

/** "a=b,c=d" as pairs. */
export function parseLabels(text: string): [string, string][] {
  return text
    .split(",")
    .filter((pair) => pair.includes("="))
    .map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]);
}

export function formatLabels(labels: readonly (readonly [string, string])[]): string {
  return labels.map(([key, value]) => `${key}=${value}`).join(",");
}

export function withLabel(text: string, key: string, value: string): string {
  return formatLabels([...parseLabels(text).filter(([other]) => other !== key), [key, value]]);
}

export function withoutLabel(text: string, key: string): string {
  return formatLabels(parseLabels(text).filter(([other]) => other !== key));
}
