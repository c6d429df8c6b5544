// A frame in words and numbers: for the tooltip, the line below the graph and the screen reader.
import { h } from "../base/dom";
import { basename, change, share, value } from "../base/format";
import type { FlameModel } from "../profile/model";

export function nameOf(model: FlameModel, node: number): string {
  return model.info(node)?.name ?? "all";
}

function placeOf(model: FlameModel, node: number): string {
  const info = model.info(node);
  if (!info?.file) return "";
  return model.line[node] > 0 ? `${info.file}:${model.line[node]}` : info.file;
}

function marks(model: FlameModel, node: number): string[] {
  const info = model.info(node);
  const found = [];
  if (info?.process) found.push("process");
  if (info?.kernel) found.push("kernel");
  if (model.inlined[node]) found.push("inlined");
  return found;
}

function amount(model: FlameModel, absolute: number, part: number): string {
  return `${value(absolute, model.unit)} (${share(part)})`;
}

function rows(model: FlameModel, node: number): [string, string][] {
  const found: [string, string][] = [
    ["total", amount(model, model.total[node], model.share(node))],
    ["self", amount(model, model.self[node], model.selfShare(node))],
  ];
  if (!model.baseTotal || !model.baseSelf) return found;
  return [
    ...found,
    ["base total", amount(model, model.baseTotal[node], model.baseShare(node))],
    ["base self", amount(model, model.baseSelf[node], model.baseSelfShare(node))],
    ["change", `${change(model.share(node) - model.baseShare(node))} of everything`],
  ];
}

/** The tooltip's contents. */
export function tooltipContents(model: FlameModel, node: number): HTMLElement[] {
  const parts: HTMLElement[] = [h("div", { class: "tip-name" }, nameOf(model, node))];
  const where = [placeOf(model, node), model.info(node)?.mapping ?? "", ...marks(model, node)].filter(Boolean);
  if (where.length) parts.push(h("div", { class: "tip-where" }, where.join(" · ")));
  const list = h("dl");
  for (const [title, text] of rows(model, node)) list.append(h("dt", title), h("dd", text));
  parts.push(list);
  return parts;
}

/** One sentence for the screen reader. */
export function spoken(model: FlameModel, node: number): string {
  const callees = model.children(node).length;
  const place = placeOf(model, node);
  return [
    nameOf(model, node),
    ...marks(model, node),
    ...rows(model, node).map(([title, text]) => `${title} ${text}`),
    `depth ${model.depth[node]}`,
    `${callees} ${callees === 1 ? "callee" : "callees"}`,
    place && `at ${basename(place)}`,
  ]
    .filter(Boolean)
    .join(", ");
}
