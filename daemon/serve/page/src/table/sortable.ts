// Tables whose columns sort, and which show their first rows until more are asked for: ten thousand
// rows at once would make the browser slow.
import { button, fill, h } from "../base/dom";

export interface Column<Row> {
  key: string;
  title: string;
  hint?: string;
  number?: boolean;
  cell: (row: Row) => string | Node;
  // What to sort by; without it the column does not sort. Numbers: the largest first.
  order?: (row: Row) => number | string;
}

const kPage = 100;

export class SortableTable<Row> {
  readonly element = h("div", { class: "table-box" });
  private shown = kPage;
  private rows: readonly Row[] = [];

  constructor(
    private readonly caption: string,
    private columns: readonly Column<Row>[],
    private readonly sorted: (sort: string) => void,
    private readonly rowClass: (row: Row) => string = () => "",
  ) {}

  /** `sort`: a column's key, "-" before it for the other direction; "" is the order of the rows. */
  show(rows: readonly Row[], sort: string, columns = this.columns) {
    if (rows !== this.rows) this.shown = kPage;
    this.columns = columns;
    this.rows = rows;
    const key = sort.replace(/^-/, "");
    const focused = (document.activeElement as HTMLElement | null)?.dataset.column;
    const column = this.columns.find((each) => each.key === key);
    const ordered = column?.order ? order(rows, column.order, sort.startsWith("-")) : rows;
    const body = h("tbody");
    for (const row of ordered.slice(0, this.shown)) body.append(this.row(row));
    const left = rows.length - this.shown;
    fill(
      this.element,
      h("table", { class: "data" }, h("caption", this.caption), this.head(key, sort), body),
      left > 0 &&
        h("p", { class: "more" }, button(`Show ${Math.min(left, kPage * 10)} more of ${left}`, () => {
          this.shown += kPage * 10;
          this.show(rows, sort, columns);
        })),
    );
    if (focused) this.element.querySelector<HTMLElement>(`[data-column="${focused}"]`)?.focus();
  }

  private head(key: string, sort: string): HTMLElement {
    const row = h("tr");
    for (const column of this.columns) {
      const direction = column.key === key ? (descends(column, this.rows, sort) ? "descending" : "ascending") : undefined;
      const cell = h("th", {
        class: column.number ? "number" : "",
        attributes: { scope: "col", "aria-sort": column.order ? (direction ?? "none") : undefined, title: column.hint },
      });
      if (column.order) {
        const next = column.key === key && !sort.startsWith("-") ? `-${column.key}` : column.key;
        const arrow = direction ? (direction === "descending" ? " ▾" : " ▴") : "";
        cell.append(button(`${column.title}${arrow}`, () => this.sorted(next), { "data-column": column.key }));
      } else {
        cell.append(column.title);
      }
      row.append(cell);
    }
    return h("thead", row);
  }

  private row(row: Row): HTMLElement {
    const element = h("tr", { class: this.rowClass(row) });
    for (const column of this.columns) element.append(h("td", { class: column.number ? "number" : "" }, column.cell(row)));
    return element;
  }
}

function descends<Row>(column: Column<Row>, rows: readonly Row[], sort: string): boolean {
  const numbers = rows.length > 0 && typeof column.order?.(rows[0]) === "number";
  return numbers !== sort.startsWith("-");
}

function order<Row>(rows: readonly Row[], by: (row: Row) => number | string, reversed: boolean): readonly Row[] {
  const sign = reversed ? -1 : 1;
  return [...rows].sort((a, b) => {
    const x = by(a);
    const y = by(b);
    return sign * (typeof x === "number" && typeof y === "number" ? y - x : String(x).localeCompare(String(y)));
  });
}
