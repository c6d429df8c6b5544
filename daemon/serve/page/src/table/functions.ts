// The table of functions, and that of one function with its callers and callees.
import { append, fill, h } from "../base/dom";
import { basename, change, share, value } from "../base/format";
import { address, type Navigator, type State } from "../base/state";
import { functionValues, type FunctionValues, neighbours } from "../profile/functions";
import { executableOf } from "../profile/groups";
import { type FlameModel, match } from "../profile/model";
import type { FunctionChange } from "../profile/types";
import { type Column, SortableTable } from "./sortable";

function part(amount: number, whole: number): number {
  return whole > 0 ? amount / whole : 0;
}

// A function's name, leading to its callers and callees.
function nameCell(model: FlameModel, state: State, fn: number): HTMLElement {
  if (fn < 0) return h("span", { class: "nobody" }, "(the root)");
  const info = model.functions[fn];
  const cell = h(
    "span",
    { class: "function-name" },
    h("a", { title: info.name, attributes: { href: address({ ...state, view: "function", fn: info.name, sort: "" }) } }, info.short || info.name),
  );
  if (info.kernel) append(cell, " ", h("span", { class: "badge" }, "kernel"));
  return cell;
}

// A bar behind the number says the same to the eye.
function shareCell(model: FlameModel, amount: number, whole: number): HTMLElement {
  const cell = h("span", { class: "bar", title: value(amount, model.unit) }, share(part(amount, whole)));
  cell.style.setProperty("--share", `${(100 * part(amount, whole)).toFixed(2)}%`);
  return cell;
}

function valueColumns(model: FlameModel, withSelf: boolean): Column<FunctionValues>[] {
  const { total, base } = model.whole;
  const columns: Column<FunctionValues>[] = [];
  if (withSelf)
    columns.push({ key: "self", title: "Self", number: true, hint: "In the function itself", order: (row) => row.self,
      cell: (row) => shareCell(model, row.self, total) });
  columns.push(
    { key: "total", title: "Total", number: true, hint: "In the function and what it calls", order: (row) => row.total,
      cell: (row) => shareCell(model, row.total, total) },
    { key: "value", title: "Total value", number: true, order: (row) => row.total, cell: (row) => value(row.total, model.unit) },
  );
  if (!model.hasBase) return columns;
  const changed = (now: number, was: number) => part(now, total) - part(was, base);
  if (withSelf)
    columns.push(
      { key: "base_self", title: "Base self", number: true, order: (row) => row.baseSelf, cell: (row) => share(part(row.baseSelf, base)) },
      { key: "self_change", title: "Self change", number: true, order: (row) => Math.abs(changed(row.self, row.baseSelf)),
        cell: (row) => changeCell(changed(row.self, row.baseSelf)) },
    );
  columns.push(
    { key: "base_total", title: "Base total", number: true, order: (row) => row.baseTotal, cell: (row) => share(part(row.baseTotal, base)) },
    { key: "total_change", title: "Total change", number: true, order: (row) => Math.abs(changed(row.total, row.baseTotal)),
      cell: (row) => changeCell(changed(row.total, row.baseTotal)) },
  );
  return columns;
}

function changeCell(by: number): HTMLElement {
  return h("span", { class: by > 0.00005 ? "grown" : by < -0.00005 ? "shrunk" : "" }, change(by));
}

// Whether a change is more than chance, by the server's statistics.
function significanceColumn(changes: readonly FunctionChange[]): Column<FunctionValues> {
  const known = new Map(changes.map((each) => [each.function, each]));
  return {
    key: "certain",
    title: "Beyond chance",
    hint: "Whether the change of the function's own share is more than the samples' noise, and its 95 % interval",
    order: (row) => Number(known.get(row.fn)?.significant ?? false),
    cell: (row) => {
      const found = known.get(row.fn);
      if (!found) return "–";
      return `${found.significant ? "yes" : "no"} [${change(found.interval[0])}, ${change(found.interval[1])}]`;
    },
  };
}

export class FunctionsView {
  readonly element = h("section", { class: "functions", attributes: { "aria-label": "Functions" } });
  private readonly table: SortableTable<FunctionValues>;
  private readonly status = h("p", { class: "found", attributes: { role: "status" } });
  private model: FlameModel | null = null;
  private search = "";
  private rows: FunctionValues[] = [];

  constructor(private readonly navigator: Navigator) {
    this.table = new SortableTable("Functions", [], (sort) => navigator.go({ sort }, true));
    this.element.append(this.status, this.table.element);
  }

  show(model: FlameModel, state: State, changes: readonly FunctionChange[]) {
    if (this.model !== model || this.search !== state.search) {
      const matches = match(model.functions, state.search).by;
      const all = functionValues(model);
      this.rows = matches ? all.filter(({ fn }) => matches[fn]) : all;
      this.status.textContent = matches ? `${this.rows.length} of ${all.length} functions match “${state.search}”.` : `${all.length} functions.`;
      this.model = model;
      this.search = state.search;
    }
    const columns: Column<FunctionValues>[] = [
      { key: "name", title: "Function", order: (row) => model.functions[row.fn].name, cell: (row) => nameCell(model, this.navigator.state, row.fn) },
      ...valueColumns(model, true),
      ...(model.hasBase && changes.length ? [significanceColumn(changes)] : []),
      { key: "file", title: "Source", order: (row) => model.functions[row.fn].file,
        cell: (row) => h("span", { class: "path", title: model.functions[row.fn].file }, basename(model.functions[row.fn].file)) },
      { key: "mapping", title: "Executable", order: (row) => model.functions[row.fn].mapping,
        cell: (row) => h("span", { class: "path", title: model.functions[row.fn].mapping }, executableOf(model.functions[row.fn])) },
    ];
    this.table.show(this.rows, state.sort || (model.hasBase ? "self_change" : "self"), columns);
  }
}

export class FunctionView {
  readonly element = h("section", { class: "one-function", attributes: { "aria-label": "Callers and callees" } });
  private readonly callers: SortableTable<FunctionValues>;
  private readonly callees: SortableTable<FunctionValues>;

  constructor(private readonly navigator: Navigator) {
    const sort = (to: string) => navigator.go({ sort: to }, true);
    this.callers = new SortableTable("Callers", [], sort);
    this.callees = new SortableTable("Callees", [], sort);
  }

  show(model: FlameModel, state: State) {
    const found = neighbours(model, state.fn);
    fill(this.element);
    if (!found) {
      this.element.append(h("p", { class: "empty" }, state.fn ? `No stack of this selection has “${state.fn}”.` : "No function is chosen: choose one in the table or the flame graph."));
      return;
    }
    const { values } = found;
    const info = model.functions[values.fn];
    const columns: Column<FunctionValues>[] = [
      { key: "name", title: "Function", order: (row) => (row.fn < 0 ? "" : model.functions[row.fn].name), cell: (row) => nameCell(model, this.navigator.state, row.fn) },
      ...valueColumns(model, false),
    ];
    const sort = state.sort || "total";
    this.callers.show(found.callers, sort, columns);
    this.callees.show(found.callees, sort, columns);
    this.element.append(
      h("h2", { class: "whole-name" }, info.name),
      h("p", { class: "where" }, [info.file, info.mapping].filter(Boolean).join(" · ")),
      this.numbers(model, values),
      h("div", { class: "two-tables" }, this.callers.element, this.callees.element),
    );
  }

  private numbers(model: FlameModel, values: FunctionValues): HTMLElement {
    const { total, base } = model.whole;
    const list = h("dl", { class: "numbers" });
    const add = (title: string, text: string) => list.append(h("div", h("dt", title), h("dd", text)));
    add("Total", `${value(values.total, model.unit)} (${share(part(values.total, total))})`);
    add("Self", `${value(values.self, model.unit)} (${share(part(values.self, total))})`);
    if (model.hasBase) {
      add("Base total", share(part(values.baseTotal, base)));
      add("Base self", share(part(values.baseSelf, base)));
    }
    return list;
  }
}
