// The page: what the address says, shown.
import { ServerError } from "./base/api";
import { button, fill, h, takesText } from "./base/dom";
import { helpDialog } from "./base/help";
import { address, defaults, HashNavigator, type State, type ViewName } from "./base/state";
import { nextTheme, themeButton } from "./base/theme";
import { ChangesView } from "./views/changes";
import { CompareView } from "./views/compare";
import { MetricsView } from "./views/metrics";
import { ProcessesView } from "./views/processes";
import { ProfileView } from "./views/profile";
import { SelectionBar } from "./views/selection";
import type { View } from "./views/view";

const kLinks: [ViewName, string][] = [
  ["processes", "Processes"],
  ["flame", "Flame graph"],
  ["functions", "Functions"],
  ["compare", "Compare"],
  ["changes", "Changes"],
  ["metrics", "Metrics"],
];

class Page {
  private readonly navigator = new HashNavigator(defaults, () => void this.show(false));
  private readonly selection = new SelectionBar(this.navigator);
  private readonly profile = new ProfileView(this.navigator);
  private readonly views: Record<ViewName, View>;
  private readonly links = h("nav", { attributes: { "aria-label": "Views" } });
  private readonly problem = h("div", { class: "problem", attributes: { role: "alert" } });
  private readonly place = h("div", { attributes: { id: "view" } });
  private readonly help = helpDialog(true);
  private asking: AbortController | null = null;

  constructor() {
    const { navigator, profile } = this;
    this.views = {
      processes: new ProcessesView(navigator),
      flame: profile,
      functions: profile,
      function: profile,
      compare: new CompareView(navigator),
      changes: new ChangesView(),
      metrics: new MetricsView(),
    };
    document.body.append(
      h("a", { class: "skip", attributes: { href: "#view" }, on: { click: (event) => this.skip(event) } }, "Skip to the view"),
      h(
        "header",
        { class: "top" },
        h("h1", "pprofd"),
        this.links,
        h("span", { class: "spring" }),
        button("Refresh", () => void this.show(true), { "aria-keyshortcuts": "r" }),
        themeButton(),
        button("Keys", () => this.help.showModal(), { "aria-keyshortcuts": "?" }),
      ),
      this.selection.element,
      h("main", this.problem, this.place),
      this.help,
    );
    this.place.tabIndex = -1;
    document.addEventListener("keydown", (event) => this.key(event));
    void this.selection.learn();
    void this.show(false);
  }

  private skip(event: Event) {
    event.preventDefault();
    this.place.focus();
  }

  private async show(again: boolean) {
    const { state } = this.navigator;
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    this.drawLinks(state);
    this.selection.show(state);
    document.title = `${kLinks.find(([name]) => name === state.view)?.[1] ?? "Function"} – pprofd`;
    const view = this.views[state.view];
    if (view.element.parentElement !== this.place) fill(this.place, view.element);
    this.place.setAttribute("aria-busy", "true");
    try {
      await view.show(state, again, asking.signal);
      if (!asking.signal.aborted) fill(this.problem);
    } catch (error) {
      if (!asking.signal.aborted) this.tell(error);
    }
    if (this.asking === asking) this.place.setAttribute("aria-busy", "false");
  }

  private tell(error: unknown) {
    const text = error instanceof Error ? error.message : String(error);
    fill(this.problem, h("p", text), error instanceof ServerError && error.hint && h("p", { class: "hint" }, error.hint));
  }

  private drawLinks(state: State) {
    fill(
      this.links,
      ...kLinks.map(([view, title]) =>
        h("a", { attributes: { href: address({ ...state, view, sort: "" }), "aria-current": current(state.view, view) ? "page" : undefined } }, title),
      ),
    );
  }

  private key(event: KeyboardEvent) {
    if (event.ctrlKey || event.altKey || event.metaKey || this.help.open) return;
    if (event.key === "Escape" && takesText(event.target)) {
      // A search field would be emptied.
      event.preventDefault();
      (event.target as HTMLElement).blur();
    }
    if (takesText(event.target)) return;
    const link = kLinks[Number(event.key) - 1];
    if (link) this.navigator.go({ view: link[0], sort: "" });
    else if (event.key === "?") this.help.showModal();
    else if (event.key === "/") this.profile.workbench.focusSearch();
    else if (event.key === "r") void this.show(true);
    else if (event.key === "t") nextTheme();
    else return;
    event.preventDefault();
  }
}

function current(shown: ViewName, link: ViewName): boolean {
  return shown === link || (shown === "function" && link === "functions");
}

new Page();
