// Where frames are: offsets in units of the values, the same for every zoom, and the boxes that are
// seen of them.
import type { FlameModel } from "../profile/model";

export const kRowHeight = 19;
const kLeastWidth = 0.4; // in pixels: what is narrower is not drawn, nor what is below it

export interface Box {
  node: number;
  x: number;
  width: number;
  row: number; // from the root on
}

export class Layout {
  readonly weight: Float64Array;
  private readonly offset: Float64Array;

  constructor(
    readonly model: FlameModel,
    side: string,
  ) {
    this.weight = side === "base" && model.baseTotal ? model.baseTotal : model.total;
    this.offset = new Float64Array(model.size);
    const next = new Float64Array(model.size);
    for (let i = 1; i < model.size; i++) {
      const parent = model.parent[i];
      this.offset[i] = this.offset[parent] + next[parent];
      next[parent] += this.weight[i];
    }
  }

  /** The boxes of rows first … last, in a width in pixels, with one node as wide as everything. */
  boxes(zoom: number, width: number, first: number, last: number): Box[] {
    const boxes: Box[] = [];
    for (let node = zoom; node > 0; ) {
      node = this.model.parent[node];
      if (this.within(node, first, last)) boxes.push({ node, x: 0, width, row: this.model.depth[node] });
    }
    const whole = this.weight[zoom];
    const scale = whole > 0 ? width / whole : 0;
    const { end, depth } = this.model;
    for (let node = zoom; node < end[zoom]; ) {
      const boxWidth = node === zoom ? width : this.weight[node] * scale;
      if (boxWidth < kLeastWidth || depth[node] > last) {
        node = end[node];
        continue;
      }
      if (depth[node] >= first)
        boxes.push({ node, x: (this.offset[node] - this.offset[zoom]) * scale, width: boxWidth, row: depth[node] });
      node++;
    }
    return boxes;
  }

  private within(node: number, first: number, last: number): boolean {
    return this.model.depth[node] >= first && this.model.depth[node] <= last;
  }

  /** The deepest row that has a visible box. */
  lastRow(zoom: number, width: number): number {
    const whole = this.weight[zoom];
    const least = whole > 0 && width > 0 ? (kLeastWidth * whole) / width : Infinity;
    const { end, depth } = this.model;
    let last = depth[zoom];
    for (let node = zoom + 1; node < end[zoom]; ) {
      if (this.weight[node] < least) {
        node = end[node];
        continue;
      }
      last = Math.max(last, depth[node]);
      node++;
    }
    return last;
  }

  /** The node at a place, or -1. */
  at(zoom: number, width: number, x: number, row: number): number {
    const { parent, depth } = this.model;
    if (row < 0) return -1;
    if (row <= depth[zoom]) {
      let node = zoom;
      while (depth[node] > row) node = parent[node];
      return node;
    }
    const position = this.offset[zoom] + (x / width) * this.weight[zoom];
    let node = zoom;
    while (depth[node] < row) {
      const child = this.model
        .children(node)
        .find((each) => position >= this.offset[each] && position < this.offset[each] + this.weight[each]);
      if (child === undefined) return -1;
      node = child;
    }
    return node;
  }
}
