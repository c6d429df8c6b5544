// A store of profiles that answers as the server does. Flame graphs are made by pprofd itself: it
// writes them in one file, and the file's data are the answer.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { pprofd } from "./paths.mjs";

const run = promisify(execFile);

/** The data of a flame graph in one file. */
export function dataOf(html) {
  return /<script type="application\/json" id="pprofd-data">(.*?)<\/script>/s.exec(html)[1];
}

export function labelsOf(text) {
  return Object.fromEntries((text ?? "").split(",").filter(Boolean).map((pair) => pair.split(/=(.*)/s).slice(0, 2)));
}

export class Store {
  #answers = new Map();
  profiles = []; // {time, seconds, labels, samples, file}
  events = [];
  metrics = { step: 60, series: [] };
  regressions = { services: [] };

  static async open() {
    const store = new Store();
    store.folder = await mkdtemp(join(tmpdir(), "pprofd-browser-"));
    return store;
  }

  close() {
    return rm(this.folder, { recursive: true, force: true });
  }

  async add(bytes, { time, seconds = 60, samples, ...labels }) {
    const file = join(this.folder, `${this.profiles.length}.pb.gz`);
    await writeFile(file, bytes);
    this.profiles.push({ time, seconds, samples, labels, file });
  }

  find({ from, to, labels }) {
    const wanted = Object.entries(labelsOf(labels));
    return this.profiles.filter((each) => each.time < to && each.time + each.seconds > from && wanted.every(([key, value]) => each.labels[key] === value));
  }

  /** As JSON. What was asked before is there at once, so that times are the page's own. */
  flamegraph(selection, base = null) {
    const key = JSON.stringify([selection, base, this.profiles.length]);
    if (!this.#answers.has(key)) this.#answers.set(key, this.#flamegraph(selection, base));
    return this.#answers.get(key);
  }

  async #flamegraph(selection, base) {
    const files = this.find(selection).map(({ file }) => file);
    const baseFiles = base ? this.find(base).map(({ file }) => file) : [];
    if (!files.length) return JSON.stringify(emptyGraph(base));
    const diff = baseFiles.length ? ["--diff", baseFiles[0]] : [];
    return dataOf(await this.html(["--html", "-", ...diff, ...files]));
  }

  async html(words) {
    const { stdout } = await run(pprofd, ["report", ...words], { maxBuffer: 1 << 28 });
    return stdout;
  }

  folded(selection) {
    return run(pprofd, ["report", "--folded", ...this.find(selection).map(({ file }) => file)]).then(({ stdout }) => stdout);
  }

  processes({ from, to, labels }) {
    const series = new Map();
    for (const each of this.find({ from, to, labels })) {
      const key = `${each.labels.service}/${each.labels.pid}`;
      const own = series.get(key) ?? { service: each.labels.service, labels: each.labels, samples: 0, value: 0, points: [] };
      own.samples += each.samples;
      own.value += each.samples * 1e7;
      own.points.push([each.time, (each.samples * 1e7) / (each.seconds * 1e9)]);
      series.set(key, own);
    }
    return { from, to, step: 60, series: [...series.values()].sort((a, b) => b.value - a.value), events: this.events, omitted: 0 };
  }
}

function emptyGraph(base) {
  const source = { profiles: 0, samples: 0, total: 0, frequency: 0, stacks: { complete: 0, incomplete: {} }, dropped: {} };
  const one = [0];
  return {
    type: "cpu", unit: "nanoseconds", ...source, cut: 0, functions: [],
    nodes: { parent: [-1], function: [-1], line: one, inlined: one, total: one, self: one, ...(base ? { base_total: one, base_self: one } : {}) },
    ...(base ? { base: source, functions_changed: [] } : {}),
  };
}
