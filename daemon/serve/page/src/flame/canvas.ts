// The flame graph's picture: a canvas as large as what is seen of it, in a box that scrolls, so that
// 50,000 frames and stacks of a thousand cost what fits on the screen. Pointer and keys move a
// cursor over the frames; what it stands on is told to the screen reader by the view.
import { h } from "../base/dom";
import { isDark, onThemeChange } from "../base/theme";
import type { FlameModel } from "../profile/model";
import { type Palette, palette } from "./colors";
import { type Box, kRowHeight, Layout } from "./layout";

const kFont = "12px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
const kPadding = 4;
const kMargin = 2; // rows below the last one

export interface CanvasEvents {
  chosen(node: number, by: "pointer" | "keyboard"): void; // the cursor stands on it
  zoomed(node: number): void;
  pointed(node: number, x: number, y: number): void; // -1: nothing; in the window's coordinates
}

export interface Picture {
  model: FlameModel;
  zoom: number;
  coloring: string;
  side: string; // State.width
  rootAtBottom: boolean;
  matches: Uint8Array | null; // by function
}

export class FlameCanvas {
  readonly element: HTMLElement;
  cursor = -1;
  private readonly canvas = h("canvas", { attributes: { "aria-hidden": "true" } });
  private readonly spacer = h("div", { class: "flame-spacer" });
  private readonly context = this.canvas.getContext("2d") as CanvasRenderingContext2D;
  private picture: Picture | null = null;
  private layout: Layout | null = null;
  private colors: Palette | null = null;
  private rows = 1;
  private width = 0;
  private height = 0;
  private letter = 7;
  private hover = -1;
  private waiting = false;

  constructor(private readonly events: CanvasEvents) {
    this.element = h(
      "div",
      {
        class: "flame-scroll",
        attributes: {
          tabindex: 0,
          role: "application",
          "aria-roledescription": "flame graph",
          "aria-label": "Flame graph. Arrow keys move between frames, Enter zooms, question mark lists all keys.",
        },
      },
      this.spacer,
      this.canvas,
    );
    this.listen();
    new ResizeObserver(() => this.resized()).observe(this.element);
    onThemeChange(() => this.recolor());
  }

  private listen() {
    const { element } = this;
    element.addEventListener("scroll", () => this.draw(), { passive: true });
    element.addEventListener("pointermove", (event) => this.point(event));
    element.addEventListener("pointerleave", () => this.unpoint());
    element.addEventListener("click", (event) => {
      const node = this.nodeAt(event);
      if (node < 0 || !this.picture) return;
      this.setCursor(node, "pointer");
      if (node !== this.picture.zoom) this.events.zoomed(node);
    });
    element.addEventListener("focus", () => {
      if (this.cursor < 0 && this.picture) this.setCursor(this.picture.zoom, "keyboard");
    });
  }

  show(picture: Picture) {
    const old = this.picture;
    this.picture = picture;
    if (!old || old.model !== picture.model || old.side !== picture.side) {
      this.layout = new Layout(picture.model, picture.side);
      if (old?.model !== picture.model) this.cursor = this.hover = -1;
    }
    this.colors = palette(picture.model, picture.coloring, isDark());
    this.measure();
    if (!old || old.model !== picture.model || old.zoom !== picture.zoom || old.rootAtBottom !== picture.rootAtBottom)
      this.scrollTo(picture.zoom, true);
    this.draw();
  }

  private recolor() {
    if (!this.picture) return;
    this.colors = palette(this.picture.model, this.picture.coloring, isDark());
    this.draw();
  }

  private resized() {
    this.measure();
    this.draw();
  }

  private measure() {
    if (!this.picture || !this.layout) return;
    this.width = this.element.clientWidth;
    this.rows = this.layout.lastRow(this.picture.zoom, this.width) + 1;
    this.spacer.style.height = `${(this.rows + kMargin) * kRowHeight}px`;
    this.height = this.element.clientHeight;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${this.height}px`;
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.font = kFont;
    this.letter = this.context.measureText("mmmmmmmmmm").width / 10 || 7;
  }

  // Rows are numbered from the root on; their places from the top.
  private top(row: number): number {
    const place = this.picture?.rootAtBottom ? this.rows + kMargin - 1 - row : row;
    return place * kRowHeight;
  }

  private rowAt(y: number): number {
    const place = Math.floor(y / kRowHeight);
    return this.picture?.rootAtBottom ? this.rows + kMargin - 1 - place : place;
  }

  /** What is on the screen, for tests and the view. */
  boxes(): Box[] {
    if (!this.picture || !this.layout) return [];
    const ends = [this.rowAt(this.element.scrollTop), this.rowAt(this.element.scrollTop + this.height)];
    return this.layout.boxes(this.picture.zoom, this.width, Math.min(...ends), Math.max(...ends));
  }

  private draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  private paint() {
    const { context, picture, colors } = this;
    if (!picture || !colors || this.width === 0) return;
    context.fillStyle = colors.background;
    context.fillRect(0, 0, this.width, this.height);
    context.textBaseline = "middle";
    const scroll = this.element.scrollTop;
    for (const box of this.boxes()) this.paintBox(box, this.top(box.row) - scroll, picture, colors);
    for (const [node, line] of [[this.hover, 1], [this.cursor, 2]]) this.outline(node, line, scroll, colors);
  }

  private paintBox(box: Box, y: number, picture: Picture, colors: Palette) {
    const { context } = this;
    const { node } = box;
    const gap = box.width > 3 ? 1 : 0;
    const width = box.width - gap;
    const matched = picture.matches && node > 0 && picture.matches[picture.model.fn[node]] === 1;
    const faint = picture.matches && !matched;
    context.fillStyle = matched ? colors.highlight : faint ? colors.faint : colors.fill(node);
    context.fillRect(box.x, y, width, kRowHeight - 1);
    const info = picture.model.info(node);
    if (info?.kernel && width > 4) this.hatch(box.x, y, width, colors);
    if (picture.model.inlined[node] && width > 6) this.dotted(box.x, y, colors);
    if (width < 3 * this.letter) return;
    context.fillStyle = matched ? colors.highlightText : faint ? colors.faintText : colors.text;
    this.label(info ? info.short || info.name : "all", box.x, y, width, picture.model.inlined[node] === 1);
  }

  // Kernel frames are hatched.
  private hatch(x: number, y: number, width: number, colors: Palette) {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(x, y, width, kRowHeight - 1);
    context.clip();
    context.strokeStyle = colors.hatch;
    context.lineWidth = 2;
    context.beginPath();
    const from = Math.max(x, 0);
    const to = Math.min(x + width, this.width);
    for (let at = from - (from % 8) - kRowHeight; at < to; at += 8) {
      context.moveTo(at, y + kRowHeight);
      context.lineTo(at + kRowHeight, y);
    }
    context.stroke();
    context.restore();
  }

  // Inlined ones have a dotted left edge, and their names are slanted.
  private dotted(x: number, y: number, colors: Palette) {
    this.context.fillStyle = colors.text;
    for (let dot = 2; dot < kRowHeight - 2; dot += 4) this.context.fillRect(x, y + dot, 1.5, 2);
  }

  private label(text: string, x: number, y: number, width: number, slanted: boolean) {
    const room = Math.floor((width - 2 * kPadding) / this.letter);
    if (room < 2) return;
    const { context } = this;
    context.font = slanted ? `italic ${kFont}` : kFont;
    context.fillText(fitted(text, room), x + kPadding, y + kRowHeight / 2, width - kPadding);
  }

  private outline(node: number, line: number, scroll: number, colors: Palette) {
    const box = node < 0 ? undefined : this.boxes().find((each) => each.node === node);
    if (!box) return;
    const { context } = this;
    context.strokeStyle = colors.outline;
    context.lineWidth = line;
    const inset = line / 2;
    context.strokeRect(
      box.x + inset,
      this.top(box.row) - scroll + inset,
      Math.max(box.width - 1 - line, 1),
      kRowHeight - 1 - line,
    );
  }

  private nodeAt(event: MouseEvent): number {
    if (!this.picture || !this.layout) return -1;
    const frame = this.element.getBoundingClientRect();
    const x = event.clientX - frame.left;
    if (x < 0 || x >= this.width) return -1;
    return this.layout.at(
      this.picture.zoom,
      this.width,
      x,
      this.rowAt(event.clientY - frame.top - this.element.clientTop + this.element.scrollTop),
    );
  }

  private point(event: PointerEvent) {
    const node = this.nodeAt(event);
    if (node !== this.hover) {
      this.hover = node;
      this.draw();
    }
    this.events.pointed(node, event.clientX, event.clientY);
  }

  private unpoint() {
    this.hover = -1;
    this.events.pointed(-1, 0, 0);
    this.draw();
  }

  /** Moves the cursor and brings it into sight. */
  setCursor(node: number, by: "pointer" | "keyboard") {
    this.cursor = node;
    if (by === "keyboard") this.scrollTo(node, false);
    this.draw();
    this.events.chosen(node, by);
  }

  /** The place of a frame in the window, for the tooltip. */
  placeOf(node: number): DOMRect | null {
    const box = this.boxes().find((each) => each.node === node);
    if (!box) return null;
    const frame = this.element.getBoundingClientRect();
    return new DOMRect(frame.left + box.x, frame.top + this.top(box.row) - this.element.scrollTop, box.width, kRowHeight);
  }

  private scrollTo(node: number, toEdge: boolean) {
    if (!this.picture) return;
    const top = this.top(this.picture.model.depth[node]);
    const { element } = this;
    const above = top - kRowHeight;
    const below = top + 2 * kRowHeight - element.clientHeight;
    if (toEdge) element.scrollTop = this.picture.rootAtBottom ? below : above;
    else if (element.scrollTop > above) element.scrollTop = above;
    else if (element.scrollTop < below) element.scrollTop = below;
  }

  /** The frame an arrow key leads to from the cursor, or -1. */
  neighbour(key: string): number {
    if (!this.picture || !this.layout) return -1;
    const { model, zoom, rootAtBottom } = this.picture;
    const from = this.cursor < 0 ? zoom : this.cursor;
    const { weight } = this.layout;
    const wide = (nodes: number[]) => nodes.filter((node) => weight[node] > 0);
    if (key === "Home") return 0;
    if (key === (rootAtBottom ? "ArrowDown" : "ArrowUp")) return from > 0 ? model.parent[from] : -1;
    if (key === (rootAtBottom ? "ArrowUp" : "ArrowDown"))
      return wide(model.children(from)).reduce((most, node) => (most < 0 || weight[node] > weight[most] ? node : most), -1);
    if (from === 0) return -1;
    const siblings = wide(model.children(model.parent[from]));
    return siblings[siblings.indexOf(from) + (key === "ArrowRight" ? 1 : -1)] ?? -1;
  }
}

/** As much of a name as there is room for: its last part rather than its first. */
export function fitted(text: string, room: number): string {
  if (text.length <= room) return text;
  const last = text.slice(Math.max(text.lastIndexOf("::") + 2, text.lastIndexOf("/") + 1, 0));
  if (last.length < text.length && last.length + 1 <= room) return `…${last}`;
  return `${text.slice(0, room - 1)}…`;
}
