// Self and total values by function, and who calls whom, from the tree. Recursion counts once.
import type { FlameModel } from "./model";

export interface FunctionValues {
  fn: number;
  self: number;
  total: number;
  baseSelf: number;
  baseTotal: number;
}

/** The nodes in pre-order; `leave` is called for each when its subtree is over. */
function walk(model: FlameModel, enter: (node: number) => void, leave: (node: number) => void) {
  const open: number[] = [];
  for (let i = 1; i < model.size; i++) {
    while (open.length && model.end[open[open.length - 1]] <= i) leave(open.pop() as number);
    enter(i);
    open.push(i);
  }
  while (open.length) leave(open.pop() as number);
}

/** Of each function that has a value. */
export function functionValues(model: FlameModel): FunctionValues[] {
  const values = model.functions.map(
    (_, fn): FunctionValues => ({ fn, self: 0, total: 0, baseSelf: 0, baseTotal: 0 }),
  );
  const above = new Int32Array(model.functions.length);
  walk(
    model,
    (node) => {
      const own = values[model.fn[node]];
      own.self += model.self[node];
      own.baseSelf += model.baseSelf?.[node] ?? 0;
      if (above[own.fn]++ > 0) return;
      own.total += model.total[node];
      own.baseTotal += model.baseTotal?.[node] ?? 0;
    },
    (node) => above[model.fn[node]]--,
  );
  return values.filter(({ total, baseTotal }) => total > 0 || baseTotal > 0);
}

export interface Neighbours {
  values: FunctionValues; // of all the functions asked for together
  callers: FunctionValues[]; // fn -1: called by nobody
  callees: FunctionValues[];
}

/** Of the functions with one name (in several files, say): who calls them, whom they call. */
export function neighbours(model: FlameModel, name: string): Neighbours | null {
  const wanted = Uint8Array.from(model.functions, (info) => Number(info.name === name));
  if (!wanted.includes(1)) return null;
  const values: FunctionValues = { fn: wanted.indexOf(1), self: 0, total: 0, baseSelf: 0, baseTotal: 0 };
  const callers = new Edges(model);
  const callees = new Edges(model);
  let above = 0;
  walk(
    model,
    (node) => {
      const parent = model.parent[node];
      if (parent > 0 && wanted[model.fn[parent]]) callees.enter(model.fn[node], node);
      if (!wanted[model.fn[node]]) return;
      callers.enter(parent === 0 ? -1 : model.fn[parent], node);
      values.self += model.self[node];
      values.baseSelf += model.baseSelf?.[node] ?? 0;
      if (above++ > 0) return;
      values.total += model.total[node];
      values.baseTotal += model.baseTotal?.[node] ?? 0;
    },
    (node) => {
      const parent = model.parent[node];
      if (parent > 0 && wanted[model.fn[parent]]) callees.leave(model.fn[node]);
      if (!wanted[model.fn[node]]) return;
      callers.leave(parent === 0 ? -1 : model.fn[parent]);
      above--;
    },
  );
  return { values, callers: callers.sorted(), callees: callees.sorted() };
}

// The values of edges to one end's functions; an edge that stands in a stack twice counts once.
class Edges {
  private readonly found = new Map<number, FunctionValues>();
  private readonly open = new Map<number, number>();

  constructor(private readonly model: FlameModel) {}

  enter(fn: number, node: number) {
    let edge = this.found.get(fn);
    if (!edge) this.found.set(fn, (edge = { fn, self: 0, total: 0, baseSelf: 0, baseTotal: 0 }));
    const open = this.open.get(fn) ?? 0;
    this.open.set(fn, open + 1);
    if (open > 0) return;
    edge.total += this.model.total[node];
    edge.baseTotal += this.model.baseTotal?.[node] ?? 0;
  }

  leave(fn: number) {
    this.open.set(fn, (this.open.get(fn) ?? 1) - 1);
  }

  sorted(): FunctionValues[] {
    return [...this.found.values()].sort((a, b) => b.total - a.total || b.baseTotal - a.baseTotal);
  }
}
