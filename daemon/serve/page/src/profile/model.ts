// A flame graph's tree, and what is derived from it. Nodes are numbers in pre-order: a node's
// subtree is the nodes from it up to end[node].
import type { FlameGraph, FunctionInfo } from "./types";

export const kOther = "(other)";

export interface Totals {
  total: number;
  base: number;
}

export class FlameModel {
  readonly size: number;
  readonly depth: Int32Array;
  readonly end: Int32Array;
  readonly maxDepth: number;
  readonly hasBase: boolean;

  private constructor(
    readonly functions: FunctionInfo[],
    readonly unit: string,
    readonly parent: Int32Array,
    readonly fn: Int32Array,
    readonly line: Float64Array,
    readonly inlined: Uint8Array,
    readonly total: Float64Array,
    readonly self: Float64Array,
    readonly baseTotal: Float64Array | null,
    readonly baseSelf: Float64Array | null,
    // What shares are of: everything that was measured, also where a filter left out some.
    readonly whole: Totals,
  ) {
    this.size = parent.length;
    this.hasBase = baseTotal !== null;
    this.depth = new Int32Array(this.size);
    this.end = new Int32Array(this.size);
    let deepest = 0;
    for (let i = 1; i < this.size; i++) {
      this.depth[i] = this.depth[parent[i]] + 1;
      deepest = Math.max(deepest, this.depth[i]);
    }
    this.maxDepth = deepest;
    this.end.fill(0);
    for (let i = this.size - 1; i >= 0; i--) {
      if (this.end[i] === 0) this.end[i] = i + 1;
      if (i > 0) this.end[parent[i]] = Math.max(this.end[parent[i]], this.end[i]);
    }
  }

  static from(json: FlameGraph): FlameModel {
    const { nodes } = json;
    const size = nodes.parent.length;
    const columns = [nodes.function, nodes.line, nodes.inlined, nodes.total, nodes.self];
    if (size === 0 || columns.some((column) => column.length !== size)) throw new Error("the flame graph is damaged");
    for (let i = 1; i < size; i++)
      if (!(nodes.parent[i] >= 0 && nodes.parent[i] < i && json.functions[nodes.function[i]]))
        throw new Error("the flame graph is damaged");
    const base = json.base && nodes.base_total && nodes.base_self ? nodes : null;
    return new FlameModel(
      json.functions,
      json.unit,
      Int32Array.from(nodes.parent),
      Int32Array.from(nodes.function),
      Float64Array.from(nodes.line),
      Uint8Array.from(nodes.inlined),
      Float64Array.from(nodes.total),
      Float64Array.from(nodes.self),
      base && Float64Array.from(base.base_total as number[]),
      base && Float64Array.from(base.base_self as number[]),
      { total: json.total, base: json.base?.total ?? 0 },
    );
  }

  info(node: number): FunctionInfo | null {
    return node === 0 ? null : this.functions[this.fn[node]];
  }

  /** A node's share of everything, and that of the base. */
  share(node: number): number {
    return this.whole.total > 0 ? this.total[node] / this.whole.total : 0;
  }
  selfShare(node: number): number {
    return this.whole.total > 0 ? this.self[node] / this.whole.total : 0;
  }
  baseShare(node: number): number {
    return this.baseTotal && this.whole.base > 0 ? this.baseTotal[node] / this.whole.base : 0;
  }
  baseSelfShare(node: number): number {
    return this.baseSelf && this.whole.base > 0 ? this.baseSelf[node] / this.whole.base : 0;
  }

  children(node: number): number[] {
    const found = [];
    for (let i = node + 1; i < this.end[node]; i = this.end[i]) found.push(i);
    return found;
  }

  /**
   * Only stacks with a frame whose function `focus` has and none that `ignore` has; null is no
   * condition. By function, 1 is a match.
   */
  filtered(focus: Uint8Array | null, ignore: Uint8Array | null): FlameModel {
    if (!focus && !ignore) return this;
    const kept = this.keptNodes(focus, ignore);
    const self = this.self.map((value, i) => (kept[i] ? value : 0));
    const baseSelf = this.baseSelf?.map((value, i) => (kept[i] ? value : 0)) ?? null;
    const total = this.sums(self);
    const baseTotal = baseSelf && this.sums(baseSelf);
    const remains = (i: number) => i === 0 || total[i] > 0 || (baseTotal !== null && baseTotal[i] > 0);
    const places = new Int32Array(this.size).fill(-1);
    const old: number[] = [];
    for (let i = 0; i < this.size; i++)
      if (remains(i)) {
        places[i] = old.length;
        old.push(i);
      }
    const pick = (column: ArrayLike<number>) => old.map((i) => column[i]);
    return new FlameModel(
      this.functions,
      this.unit,
      Int32Array.from(old, (i) => (i === 0 ? -1 : places[this.parent[i]])),
      Int32Array.from(pick(this.fn)),
      Float64Array.from(pick(this.line)),
      Uint8Array.from(pick(this.inlined)),
      Float64Array.from(pick(total)),
      Float64Array.from(pick(self)),
      baseTotal && Float64Array.from(pick(baseTotal)),
      baseSelf && Float64Array.from(pick(baseSelf)),
      this.whole,
    );
  }

  // By node: whether the stacks that end in it are kept.
  private keptNodes(focus: Uint8Array | null, ignore: Uint8Array | null): Uint8Array {
    const focused = new Uint8Array(this.size);
    const ignored = new Uint8Array(this.size);
    focused[0] = focus ? 0 : 1;
    for (let i = 1; i < this.size; i++) {
      focused[i] = focused[this.parent[i]] || (focus?.[this.fn[i]] ?? 0);
      ignored[i] = ignored[this.parent[i]] || (ignore?.[this.fn[i]] ?? 0);
    }
    return focused.map((yes, i) => (yes && !ignored[i] ? 1 : 0));
  }

  private sums(self: Float64Array): Float64Array {
    const total = Float64Array.from(self);
    for (let i = this.size - 1; i > 0; i--) total[this.parent[i]] += total[i];
    return total;
  }

  /** A node's path as a short text that finds the same path in other data of the same program. */
  pathKey(node: number): string {
    return node === 0 ? "" : this.pathKeys(node + 1)[node].toString(36);
  }

  /** The node with this key; the root where there is none. */
  nodeOf(key: string): number {
    const wanted = parseInt(key, 36);
    if (!key || !Number.isFinite(wanted)) return 0;
    const found = this.pathKeys(this.size).indexOf(wanted);
    return Math.max(found, 0);
  }

  // FNV-1a over the names from the root on.
  private pathKeys(size: number): Uint32Array {
    const keys = new Uint32Array(size);
    keys[0] = 0x811c9dc5;
    for (let i = 1; i < size; i++) {
      const { name } = this.functions[this.fn[i]];
      let hash = keys[this.parent[i]] ^ this.inlined[i];
      for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
      keys[i] = Math.imul(hash ^ 0x3b, 0x01000193);
    }
    return keys;
  }
}

/** A regular expression by function: 1 matches. Null: empty, or wrong (`error` says how). */
export interface Matches {
  by: Uint8Array | null;
  error: string;
}

export function match(functions: readonly FunctionInfo[], expression: string): Matches {
  if (!expression) return { by: null, error: "" };
  let compiled: RegExp;
  try {
    compiled = new RegExp(expression, "u");
  } catch (unicode) {
    // A lone "}" or "\-" is wrong only in the newer syntax.
    try {
      compiled = new RegExp(expression);
    } catch {
      return { by: null, error: unicode instanceof Error ? unicode.message : String(unicode) };
    }
  }
  const test = (text: string) => compiled.test(text);
  return { by: Uint8Array.from(functions, ({ name, file, mapping }) => Number(test(name) || test(file) || test(mapping))), error: "" };
}

/** What of everything has a matching frame. */
export function matchedShare(model: FlameModel, by: Uint8Array): { now: number; base: number } {
  let now = 0;
  let base = 0;
  for (let i = 1; i < model.size; ) {
    if (by[model.fn[i]]) {
      now += model.share(i);
      base += model.baseShare(i);
      i = model.end[i];
    } else {
      i++;
    }
  }
  return { now, base };
}

export function escapeExpression(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
