// build.mjs NPM-FOLDER OUT-FOLDER: bundles the page, and puts its files where the C++ build finds
// them (embed.mjs). NPM-FOLDER is where `npm ci` ran. Nothing is fetched.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { embed } from "./embed.mjs";

const source = join(dirname(fileURLToPath(import.meta.url)), "..", "src");
const npm = resolve(process.argv[2]);
const out = resolve(process.argv[3]);
const modules = join(npm, "node_modules");
const esbuild = createRequire(join(npm, "package.json"))("esbuild");

// The text of the licence goes where the library goes.
const chartLicence = `/*! uPlot\n${readFileSync(join(modules, "uplot", "LICENSE"), "utf8")}*/`;

async function bundle(entry, banner = "") {
  const result = await esbuild.build({
    entryPoints: [join(source, entry)],
    bundle: true,
    minify: true,
    write: false,
    outdir: out,
    format: "iife",
    target: ["es2021"],
    charset: "ascii",
    legalComments: "none",
    nodePaths: [modules],
    banner: entry.endsWith(".ts") ? { js: banner } : {},
    logLevel: "warning",
  });
  return result.outputFiles[0].contents;
}

function text(name) {
  return readFileSync(join(source, name), "utf8");
}

function policyHash(contents) {
  return `'sha256-${createHash("sha256").update(contents).digest("base64")}'`;
}

function fillOnce(template, gap, contents) {
  const parts = template.split(gap);
  if (parts.length !== 2) throw new Error(`${gap} stands ${parts.length - 1} times in the template`);
  return parts.join(contents);
}

// One file: script and style inside, allowed by their hashes, everything else refused.
async function flameGraphTemplate() {
  const script = Buffer.from(await bundle("file.ts")).toString();
  const style = Buffer.from(await bundle("file.css")).toString();
  if (/<\/script|<!--/i.test(script) || /<\/style/i.test(style))
    throw new Error("the bundle would end its own element");
  let html = text("file.html");
  html = fillOnce(html, "@SCRIPT-HASH@", policyHash(script));
  html = fillOnce(html, "@STYLE-HASH@", policyHash(style));
  html = fillOnce(html, "@STYLE@", style);
  html = fillOnce(html, "@SCRIPT@", script);
  for (const gap of ["@PPROFD-TITLE@", "@PPROFD-DATA@"]) fillOnce(html, gap, "");
  return Buffer.from(html);
}

mkdirSync(out, { recursive: true });
embed(out, {
  files: [
    { path: "/", type: "text/html; charset=utf-8", contents: Buffer.from(text("page.html")) },
    { path: "/page.js", type: "text/javascript; charset=utf-8", contents: await bundle("page.ts", chartLicence) },
    { path: "/page.css", type: "text/css; charset=utf-8", contents: await bundle("page.css") },
    { path: "/icon.svg", type: "image/svg+xml", contents: Buffer.from(text("icon.svg")) },
  ],
  template: await flameGraphTemplate(),
});
