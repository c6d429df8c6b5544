// What became slower or faster with a new version: functions whose share changed by more than chance.
import { ask } from "../base/api";
import { fill, h } from "../base/dom";
import { change, share, time } from "../base/format";
import { address, type State, withLabel } from "../base/state";
import type { Regression } from "../profile/types";
import { type Column, SortableTable } from "../table/sortable";
import { selection, type View } from "./view";

export class ChangesView implements View {
  readonly element = h("div");
  private asked = "";

  async show(state: State, again: boolean, signal: AbortSignal) {
    const wanted = JSON.stringify(selection(state));
    if (!again && wanted === this.asked) return;
    const { services } = await ask<{ services: Regression[] }>("api/v1/regressions", selection(state), signal);
    this.asked = wanted;
    fill(this.element, h("h2", "Changes with new versions"));
    if (!services.length) this.element.append(h("p", { class: "empty" }, "No service changed its version or build in this time."));
    for (const service of services) this.element.append(this.service(service, state));
  }

  private service(found: Regression, state: State): HTMLElement {
    const compared: State = {
      ...state,
      view: "flame",
      from: String(found.from),
      to: String(found.to),
      labels: withLabel(state.labels, "service", found.service),
      base_from: String(found.base_from),
      base_to: String(found.base_to),
      base_labels: "",
      zoom: "",
      sort: "",
    };
    const heading = h(
      "h3",
      `${found.service}: `,
      h("span", { class: "version", title: found.base_version }, found.base_version),
      " → ",
      h("span", { class: "version", title: found.version }, found.version),
    );
    const about = h(
      "p",
      { class: "where" },
      `Since ${time(found.from)}. `,
      h("a", { class: "go", attributes: { href: address(compared) } }, "Flame graph of the difference"),
    );
    const section = h("section", heading, about);
    const certain = found.functions.filter(({ significant }) => significant);
    if (!certain.length) section.append(h("p", { class: "empty" }, "No function's share changed by more than chance."));
    else section.append(this.table(certain, compared));
    return section;
  }

  private table(functions: Regression["functions"], compared: State): HTMLElement {
    type Row = Regression["functions"][number];
    const columns: Column<Row>[] = [
      { key: "name", title: "Function", order: (row) => row.name,
        cell: (row) => h("a", { title: row.name, attributes: { href: address({ ...compared, view: "function", fn: row.name }) } }, row.short || row.name) },
      { key: "base", title: "Before", number: true, order: (row) => row.base_share, cell: (row) => share(row.base_share) },
      { key: "now", title: "Now", number: true, order: (row) => row.share, cell: (row) => share(row.share) },
      { key: "change", title: "Change", number: true, order: (row) => Math.abs(row.change), cell: (row) => h("span", { class: row.change > 0 ? "grown" : "shrunk" }, change(row.change)) },
      { key: "interval", title: "95 % interval", number: true, cell: (row) => `${change(row.interval[0])} … ${change(row.interval[1])}` },
    ];
    let sort = "change";
    const table = new SortableTable<Row>("Functions whose own share changed by more than chance", columns, (to) => table.show(functions, (sort = to)));
    table.show(functions, sort);
    return table.element;
  }
}
