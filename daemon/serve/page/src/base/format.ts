// Values for people.

const kTimes: [number, string][] = [
  [3600e9, "h"],
  [60e9, "min"],
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
  [1, "ns"],
];
const kBytes: [number, string][] = [
  [2 ** 40, "TiB"],
  [2 ** 30, "GiB"],
  [2 ** 20, "MiB"],
  [2 ** 10, "KiB"],
  [1, "B"],
];
const kCounts: [number, string][] = [
  [1e9, "G"],
  [1e6, "M"],
  [1e4, "k"],
];

function scaled(value: number, units: [number, string][]): string {
  const size = Math.abs(value);
  for (const [factor, suffix] of units) if (size >= factor) return `${short(value / factor)} ${suffix}`;
  return short(value);
}

// Three digits that count, never in the E notation.
function short(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

export function value(amount: number, unit: string): string {
  if (unit === "nanoseconds") return amount === 0 ? "0 s" : scaled(amount, kTimes);
  if (unit === "bytes") return amount === 0 ? "0 B" : scaled(amount, kBytes);
  const text = scaled(amount, kCounts).replace(/ (?=[GMk]$)/, "");
  return unit === "" || unit === "count" ? text : `${text} ${unit}`;
}

/** 0.1234 -> "12.3 %". */
export function share(part: number): string {
  if (!Number.isFinite(part)) return "–";
  const percent = part * 100;
  const size = Math.abs(percent);
  if (size === 0) return "0 %";
  if (size < 0.01) return percent < 0 ? "> −0.01 %" : "< 0.01 %";
  return `${percent.toFixed(size >= 10 ? 1 : 2)} %`;
}

/** The same with its sign: "+1.20 %". */
export function change(part: number): string {
  const percent = part * 100;
  if (Math.abs(percent) < 0.005) return "±0 %";
  return `${percent > 0 ? "+" : "−"}${Math.abs(percent).toFixed(Math.abs(percent) >= 10 ? 1 : 2)} %`;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}

/** Unix seconds as the browser's local time, "2026-11-22 04:05:06". */
export function time(seconds: number): string {
  const date = new Date(seconds * 1000);
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  );
}

export function count(amount: number): string {
  return amount.toLocaleString("en-GB");
}

export function basename(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function plural(amount: number, word: string): string {
  return `${count(amount)} ${word}${amount === 1 ? "" : "s"}`;
}
