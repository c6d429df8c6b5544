// Profiles in pprof's format, written by the tests themselves: what is in them is known exactly.
import { gzipSync } from "node:zlib";

function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

const number = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
const bytes = (field, contents) => Buffer.concat([varint((field << 3) | 2), varint(contents.length), contents]);
const message = (field, ...parts) => bytes(field, Buffer.concat(parts));

/** A table of entries, each once. */
class Table {
  entries = [];
  #ids = new Map();

  constructor(first = []) {
    first.forEach((each) => this.id(each));
  }

  /** The place of an entry, counted from 0. */
  id(entry) {
    const key = JSON.stringify(entry);
    if (!this.#ids.has(key)) {
      this.#ids.set(key, this.entries.length);
      this.entries.push(entry);
    }
    return this.#ids.get(key);
  }
}

const kPeriod = 10_000_000;
const kKernel = "[kernel.kallsyms]";

/** A frame of a stack: "main", or { name, file, line, mapping, inlined }. */
function frameOf(frame) {
  return { file: "app.cc", line: 10, mapping: "/usr/bin/app", inlined: false, ...(typeof frame === "string" ? { name: frame } : frame) };
}

/**
 * The bytes of a profile. `stacks`: [frames, root first; samples]. An inlined frame belongs to the one
 * before it. `comments`: "key=value".
 */
export function pprof(stacks, { time = 1_800_000_000, seconds = 10, comments = [], gzip = true } = {}) {
  const strings = new Table([""]);
  const mappings = new Table();
  const functions = new Table();
  const locations = new Table();
  const samples = stacks.map(([frames, count]) => {
    const ids = [];
    for (const frame of frames.map(frameOf)) {
      const line = { fn: functions.id([frame.name, frame.file]), line: frame.line };
      if (frame.inlined) ids.at(-1).lines.unshift(line);
      else ids.push({ mapping: mappings.id(frame.mapping), lines: [line] });
    }
    return [ids.reverse().map((location) => locations.id(location) + 1), count];
  });
  const parts = [];
  const text = (value) => strings.id(value);
  const type = (field, name, unit) => message(field, number(1, text(name)), number(2, text(unit)));
  parts.push(type(1, "samples", "count"), type(1, "cpu", "nanoseconds"));
  for (const [ids, count] of samples)
    parts.push(message(2, bytes(1, Buffer.concat(ids.map(varint))), bytes(2, Buffer.concat([varint(count), varint(BigInt(count) * BigInt(kPeriod))]))));
  mappings.entries.forEach((file, index) => {
    const start = file === kKernel ? 0xffffffff80000000n : BigInt((index + 1) * 0x10000000);
    parts.push(message(3, number(1, index + 1), number(2, start), number(3, start + 0xfffffffn), number(5, text(file)), number(7, 1)));
  });
  locations.entries.forEach(({ mapping, lines }, index) => {
    const start = mappings.entries[mapping] === kKernel ? 0xffffffff80000000n : BigInt((mapping + 1) * 0x10000000);
    parts.push(message(4, number(1, index + 1), number(2, mapping + 1), number(3, start + BigInt(index * 16)),
      ...lines.map(({ fn, line }) => message(4, number(1, fn + 1), number(2, line)))));
  });
  functions.entries.forEach(([name, file], index) => {
    parts.push(message(5, number(1, index + 1), number(2, text(name)), number(4, text(file))));
  });
  parts.push(number(9, BigInt(time) * 1_000_000_000n), number(10, BigInt(seconds) * 1_000_000_000n), type(11, "cpu", "nanoseconds"), number(12, kPeriod));
  for (const comment of comments) parts.push(number(13, text(comment)));
  parts.push(number(14, text("cpu")));
  for (const each of strings.entries) parts.push(bytes(6, Buffer.from(each)));
  const whole = Buffer.concat(parts);
  return gzip ? gzipSync(whole) : whole;
}

/** Comments that account for `complete` and `incomplete` stacks and `dropped` samples. */
export function accounting(complete, incomplete = {}, dropped = {}, comm = "app", pid = 7) {
  return [
    `comm=${comm}`,
    `pid=${pid}`,
    "frequency=100",
    `stacks.complete=${complete}`,
    ...Object.entries(incomplete).map(([reason, count]) => `stacks.incomplete.${reason}=${count}`),
    ...Object.entries(dropped).map(([reason, count]) => `samples.dropped.${reason}=${count}`),
  ];
}
