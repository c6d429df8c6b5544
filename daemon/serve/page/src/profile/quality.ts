// How far a profile can be trusted: incomplete stacks, dropped samples, small nodes added up.
import { fill, h } from "../base/dom";
import { count, plural, share, value } from "../base/format";
import { kOther } from "./model";
import type { FlameGraph, Source } from "./types";

const kWarnFrom = 0.01;

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((all, each) => all + each, 0);
}

function reasons(title: string, counts: Record<string, number>): HTMLElement | null {
  const rows = Object.entries(counts).filter(([, amount]) => amount > 0);
  if (!rows.length) return null;
  const body = h("tbody");
  for (const [reason, amount] of rows.sort((a, b) => b[1] - a[1]))
    body.append(h("tr", h("th", { attributes: { scope: "row" } }, reason), h("td", { class: "number" }, count(amount))));
  return h("table", h("caption", title), body);
}

interface Trust {
  incomplete: number; // shares
  dropped: number;
}

function trustOf(source: Source): Trust {
  const incomplete = sum(source.stacks.incomplete);
  const stacks = source.stacks.complete + incomplete;
  const dropped = sum(source.dropped);
  const samples = source.samples + dropped;
  return { incomplete: stacks > 0 ? incomplete / stacks : 0, dropped: samples > 0 ? dropped / samples : 0 };
}

function line(name: string, source: Source, unit: string): HTMLElement {
  const { incomplete, dropped } = trustOf(source);
  const known = source.stacks.complete + sum(source.stacks.incomplete) > 0;
  const warns = incomplete >= kWarnFrom || dropped >= kWarnFrom;
  const facts = [
    value(source.total, unit),
    plural(source.samples, "sample"),
    plural(source.profiles, "profile"),
    source.frequency > 0 ? `${source.frequency} Hz` : "",
    known ? `${share(1 - incomplete)} of stacks complete` : "",
    `${share(dropped)} of samples dropped`,
  ].filter(Boolean);
  const tables = [reasons("Stacks that are incomplete, by reason", source.stacks.incomplete), reasons("Samples dropped, by reason", source.dropped)];
  const text = h("span", `${name}${facts.join(" · ")}`);
  if (!tables.some(Boolean)) return h("p", { class: "quality" }, text);
  const element = h("details", { class: warns ? "quality warns" : "quality" }, h("summary", warns ? h("strong", "Incomplete: ") : null, text));
  for (const table of tables) if (table) element.append(table);
  return element;
}

/** What the flame graph and the tables are made of. */
export function showQuality(host: HTMLElement, graph: FlameGraph) {
  fill(
    host,
    line(graph.base ? "Selection: " : "", graph, graph.unit),
    graph.base && line("Base: ", graph.base, graph.unit),
    graph.functions.some(({ name, mapping }) => name === kOther && mapping === "") &&
      h("p", { class: "quality" }, `Frames below a small share are added up as ${kOther}.`),
    (graph.cut ?? 0) > 0 && h("p", { class: "quality warns" }, `${share((graph.cut ?? 0) / graph.total)} of it ends too early: there were too many different stacks.`),
  );
}
