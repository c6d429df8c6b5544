// Light and dark: as the system has it, unless somebody chose.
import { button } from "./dom";

const kKey = "pprofd-theme";
const kChoices = ["auto", "light", "dark"] as const;
type Theme = (typeof kChoices)[number];

// A file on a disk may have no storage.
function stored(): Theme {
  try {
    return kChoices.find((choice) => choice === localStorage.getItem(kKey)) ?? "auto";
  } catch {
    return "auto";
  }
}

function store(theme: Theme) {
  try {
    localStorage.setItem(kKey, theme);
  } catch {
    // Then it holds until the page is left.
  }
}

const system = window.matchMedia("(prefers-color-scheme: dark)");
let chosen = stored();

export function isDark(): boolean {
  return chosen === "dark" || (chosen === "auto" && system.matches);
}

// The style sheet has its dark colours below [data-dark].
function apply() {
  document.documentElement.toggleAttribute("data-dark", isDark());
  document.dispatchEvent(new Event("pprofd-theme"));
}

/** Calls back whenever light may have become dark or dark light. */
export function onThemeChange(changed: () => void) {
  document.addEventListener("pprofd-theme", changed);
}

export function nextTheme() {
  chosen = kChoices[(kChoices.indexOf(chosen) + 1) % kChoices.length];
  store(chosen);
  apply();
}

export function themeButton(): HTMLButtonElement {
  const element = button(`Theme: ${chosen}`, nextTheme, { "aria-keyshortcuts": "t" });
  onThemeChange(() => (element.textContent = `Theme: ${chosen}`));
  return element;
}

system.addEventListener("change", apply);
apply();
