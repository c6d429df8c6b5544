// The page and the JSON that it asks for, on loopback: the page's files as the build made them, with
// the security policy that pprofd sends, and the answers of a Store.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";

import { build, root } from "./paths.mjs";
import { labelsOf } from "./store.mjs";

const kUnits = { s: 1, m: 60, h: 3600, d: 86400 };

async function pageFiles() {
  const out = join(build, "daemon", "serve", "page", "out");
  const manifest = JSON.parse(await readFile(join(out, "manifest.json"), "utf8"));
  const files = new Map();
  for (const [index, { path, type }] of manifest.entries()) files.set(path, { type, bytes: await readFile(join(out, `bytes-${index}`)) });
  return files;
}

async function securityPolicy() {
  const source = await readFile(join(root, "daemon", "serve", "page", "page_files.cc"), "utf8");
  const text = /page_security_policy\(\) \{\s*return ([^;]*";)/.exec(source.replace(/;(?= )/g, "\u0001"))[1];
  return [...text.matchAll(/"([^"]*)"/g)].map(([, part]) => part).join("").replaceAll("\u0001", ";");
}

export class Server {
  requests = [];
  failure = null; // {status, body}: what every question is answered with

  static async start(store) {
    const server = new Server();
    server.store = store;
    server.files = await pageFiles();
    server.policy = await securityPolicy();
    server.http = createServer((request, response) => void server.answer(request, response));
    await new Promise((resolve) => server.http.listen(0, "127.0.0.1", resolve));
    server.origin = `http://127.0.0.1:${server.http.address().port}`;
    return server;
  }

  close() {
    this.http.closeAllConnections();
    return new Promise((resolve) => this.http.close(resolve));
  }

  // Unix seconds; the store's own "now" is that of its last profile.
  time(text, otherwise) {
    const now = this.now;
    const wanted = text || otherwise;
    if (wanted === "now") return now;
    const relative = /^-([\d.]+)([smhd])$/.exec(wanted);
    return relative ? now - Number(relative[1]) * kUnits[relative[2]] : Number(wanted);
  }

  get now() {
    return Math.max(...this.store.profiles.map(({ time, seconds }) => time + seconds), 0);
  }

  selection(query, prefix = "") {
    return {
      from: this.time(query.get(`${prefix}from`), "-1h"),
      to: this.time(query.get(`${prefix}to`), "now"),
      labels: query.get(`${prefix}labels`) ?? (prefix ? query.get("labels") : ""),
    };
  }

  async answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, this.origin);
    this.requests.push(request.url);
    const send = (status, type, body, headers = {}) => {
      response.writeHead(status, { "Content-Type": type, "Content-Security-Policy": this.policy, ...headers });
      response.end(body);
    };
    const file = this.files.get(pathname);
    if (file) return send(200, file.type, file.bytes);
    if (this.failure) return send(this.failure.status, "application/json", JSON.stringify(this.failure.body));
    try {
      const found = await this.question(pathname, searchParams);
      if (found === null) return send(404, "application/json", '{"error":"there is nothing at this path","hint":""}');
      return send(200, found.type ?? "application/json", found.body, found.headers);
    } catch (error) {
      return send(500, "application/json", JSON.stringify({ error: String(error), hint: "" }));
    }
  }

  async question(path, query) {
    const json = (value) => ({ body: JSON.stringify(value) });
    const chosen = this.selection(query);
    const { store } = this;
    const values = /^\/api\/v1\/label\/([^/]+)\/values$/.exec(path);
    if (values) return json({ values: values[1] === "type" ? ["cpu"] : [...new Set(store.profiles.map(({ labels }) => labels[values[1]]).filter(Boolean))] });
    switch (path) {
      case "/api/v1/processes":
        return json(store.processes(chosen));
      case "/api/v1/labels":
        return json({ labels: ["service", "pid", "version"] });
      case "/api/v1/flamegraph":
        return { body: await store.flamegraph(chosen) };
      case "/api/v1/diff":
        return { body: await store.flamegraph(chosen, this.selection(query, "base_")) };
      case "/api/v1/metrics":
        return json({ ...store.metrics, series: store.metrics.series.filter(({ service }) => [undefined, service].includes(labelsOf(chosen.labels).service)) });
      case "/api/v1/regressions":
        return json(store.regressions);
      case "/api/v1/profile":
        return this.download(query.get("format"), chosen);
      default:
        return null;
    }
  }

  async download(format, chosen) {
    const files = this.store.find(chosen).map(({ file }) => file);
    if (format === "folded") return { type: "text/plain", body: await this.store.folded(chosen) };
    if (format === "html") return { type: "text/html", body: await this.store.html(["--html", "-", ...files]) };
    return { type: "application/octet-stream", body: await readFile(files[0]) };
  }
}
