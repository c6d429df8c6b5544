// Times as the server takes them ("now", "-1h", Unix seconds) and as fields of a form have them.
import { time } from "./format";

const kUnits: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

/** Unix seconds; NaN where the text is no time. */
export function seconds(text: string, now = Date.now() / 1000): number {
  if (text === "now") return now;
  const relative = /^-(\d+(?:\.\d+)?)([smhdw])$/.exec(text);
  if (relative) return now - Number(relative[1]) * kUnits[relative[2]];
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  return Date.parse(text) / 1000;
}

export function isRelative(text: string): boolean {
  return text === "now" || text.startsWith("-");
}

/** For <input type="datetime-local" step="1">. */
export function fieldValue(text: string): string {
  const at = seconds(text);
  return Number.isFinite(at) ? time(at).replace(" ", "T") : "";
}

export function fromField(text: string): string {
  const at = Date.parse(text) / 1000;
  return Number.isFinite(at) ? String(at) : "";
}

/** For people: "the last 1h", "2026-11-22 04:00:00 to 05:00:00". */
export function range(from: string, to: string): string {
  if (to === "now" && from.startsWith("-")) return `the last ${from.slice(1)}`;
  const a = time(seconds(from));
  const b = time(seconds(to));
  return a.slice(0, 10) === b.slice(0, 10) ? `${a} to ${b.slice(11)}` : `${a} to ${b}`;
}
