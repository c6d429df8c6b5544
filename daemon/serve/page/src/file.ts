// The flame graph in one file: its data stands in the document.
import { button, h, takesText } from "./base/dom";
import { helpDialog } from "./base/help";
import { address, defaults, HashNavigator } from "./base/state";
import { nextTheme, themeButton } from "./base/theme";
import type { FlameGraph } from "./profile/types";
import { Workbench } from "./profile/workbench";

const kViews = [
  ["flame", "Flame graph"],
  ["functions", "Functions"],
] as const;

function start() {
  const data = document.getElementById("pprofd-data")?.textContent ?? "";
  const navigator = new HashNavigator({ ...defaults, view: "flame" }, show);
  const workbench = new Workbench(navigator);
  const help = helpDialog(false);
  const links = h("nav", { attributes: { "aria-label": "Views" } });
  const problem = h("p", { class: "problem", attributes: { role: "alert" } });
  document.body.append(
    h(
      "header",
      { class: "top" },
      h("h1", document.title),
      links,
      h("span", { class: "spring" }),
      themeButton(),
      button("Keys", () => help.showModal(), { "aria-keyshortcuts": "?" }),
    ),
    h("main", problem, workbench.element),
    help,
  );

  function show() {
    const { state } = navigator;
    links.replaceChildren(
      ...kViews.map(([view, title]) =>
        h("a", { attributes: { href: address({ ...state, view, sort: "" }), "aria-current": state.view === view ? "page" : undefined } }, title),
      ),
    );
    workbench.show(state);
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape" && takesText(event.target)) {
      // A search field would be emptied.
      event.preventDefault();
      (event.target as HTMLElement).blur();
    }
    if (takesText(event.target) || help.open) return;
    if (event.key === "?") help.showModal();
    else if (event.key === "/") workbench.focusSearch();
    else if (event.key === "t") nextTheme();
    else return;
    event.preventDefault();
  });

  try {
    workbench.setGraph(JSON.parse(data) as FlameGraph);
  } catch {
    problem.textContent = "The data in this file are damaged.";
  }
  show();
}

start();
