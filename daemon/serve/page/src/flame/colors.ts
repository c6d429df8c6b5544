// The frames' fills, in light and dark. Whatever the hue, the text on it has a contrast of 4.5 or
// more: fills are of one lightness, chosen so that the worst hue keeps it.
import { isAddress, packageOf, executableOf } from "../profile/groups";
import type { FlameModel } from "../profile/model";

export const colorings = [
  ["package", "package"],
  ["executable", "executable"],
  ["kind", "kind of code"],
  ["change", "change"],
] as const;

export interface Palette {
  text: string;
  background: string;
  faint: string; // frames that a search leaves out, and the text on them
  faintText: string;
  highlight: string;
  highlightText: string;
  outline: string;
  hatch: string;
  fill: (node: number) => string;
}

export interface Group {
  name: string;
  color: string;
}

interface Tone {
  saturation: number;
  lightness: number;
  neutral: string;
}
const kLight: Tone = { saturation: 62, lightness: 76, neutral: "hsl(220 8% 86%)" };
const kDark: Tone = { saturation: 34, lightness: 31, neutral: "hsl(220 8% 27%)" };

const kHues = [28, 205, 120, 275, 48, 168, 340, 88, 232, 8, 188, 310, 66, 145, 255, 18];

function hueOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return kHues[(hash >>> 0) % kHues.length];
}

const kKindHues: Record<string, number> = { kernel: 18, inlined: 120, process: 275, "own function": 205 };
const kWithoutSymbol = "without symbol";

function kindOf(model: FlameModel, node: number): string {
  const info = model.functions[model.fn[node]];
  if (info.process) return "process";
  if (info.kernel) return "kernel";
  if (isAddress(info.name)) return kWithoutSymbol;
  return model.inlined[node] ? "inlined" : "own function";
}

/** What the node is coloured by; "" is nothing in particular. */
export function groupOf(model: FlameModel, node: number, coloring: string): string {
  const info = model.info(node);
  if (!info || coloring === "change") return "";
  if (coloring === "kind") return kindOf(model, node);
  return coloring === "executable" ? executableOf(info) : packageOf(info);
}

export function groupColor(group: string, coloring: string, dark: boolean): string {
  const tone = dark ? kDark : kLight;
  if (group === "" || group === kWithoutSymbol) return tone.neutral;
  const hue = coloring === "kind" ? (kKindHues[group] ?? 0) : hueOf(group);
  return `hsl(${hue} ${tone.saturation}% ${tone.lightness}%)`;
}

/** -1 … 1: how much smaller or larger a node's share is than in the base. */
export function changeOf(model: FlameModel, node: number): number {
  const now = model.share(node);
  const base = model.baseShare(node);
  const larger = Math.max(now, base);
  if (larger === 0) return 0;
  // What is a hundredth of everything shows in full, less shows less.
  const weight = Math.min(1, Math.abs(now - base) / 0.01);
  return ((now - base) / larger) * Math.sqrt(weight);
}

/** Grown is red, shrunk is blue: told apart by the colour-blind too. */
export function changeColor(change: number, dark: boolean): string {
  const strength = Math.min(1, Math.abs(change));
  const hue = change > 0 ? 8 : 215;
  const saturation = 8 + strength * (dark ? 52 : 82);
  const lightness = dark ? 27 + strength * 8 : 88 - strength * 16;
  return `hsl(${hue} ${saturation.toFixed(0)}% ${lightness.toFixed(0)}%)`;
}

export function palette(model: FlameModel, coloring: string, dark: boolean): Palette {
  const byFunction = new Map<number, string>();
  const fill = (node: number): string => {
    if (node === 0) return groupColor("", coloring, dark);
    if (coloring === "change") return changeColor(changeOf(model, node), dark);
    const key = model.fn[node] * 2 + model.inlined[node];
    let color = byFunction.get(key);
    if (!color) byFunction.set(key, (color = groupColor(groupOf(model, node, coloring), coloring, dark)));
    return color;
  };
  return dark
    ? {
        text: "#f4f5f7",
        background: "#171a1f",
        faint: "#23272e",
        faintText: "#9aa3b0",
        highlight: "#f2c14e",
        highlightText: "#1a1300",
        outline: "#ffffff",
        hatch: "rgba(255,255,255,0.16)",
        fill,
      }
    : {
        text: "#14171c",
        background: "#ffffff",
        faint: "#f0f1f4",
        faintText: "#5d6673",
        highlight: "#7a1fa2",
        highlightText: "#ffffff",
        outline: "#000000",
        hatch: "rgba(0,0,0,0.14)",
        fill,
      };
}

/** The largest groups by what is their own, for the legend. */
export function groups(model: FlameModel, coloring: string, dark: boolean, most: number): Group[] {
  if (coloring === "change") return [];
  const own = new Map<string, number>();
  for (let i = 1; i < model.size; i++) {
    const group = groupOf(model, i, coloring);
    own.set(group, (own.get(group) ?? 0) + model.self[i]);
  }
  return [...own]
    .filter(([, self]) => self > 0)
    .sort((a, b) => b[1] - a[1])
    .slice(0, most)
    .map(([name]) => ({ name, color: groupColor(name, coloring, dark) }));
}
