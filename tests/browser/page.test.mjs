// The page by use: each view, on profiles whose contents are known.
import assert from "node:assert/strict";
import { after, before, beforeEach, afterEach, describe, it } from "node:test";

import { findFrame, launch, load, open, picture } from "./harness/browser.mjs";
import { namelessControls, overflows, poorContrasts } from "./harness/contrast.mjs";
import { accounting, pprof } from "./harness/pprof.mjs";
import { Server } from "./harness/server.mjs";
import { Store } from "./harness/store.mjs";

// A day ago, at a full minute.
const kTime = Math.floor(Date.now() / 60_000) * 60 - 86_400;
const kernel = (name) => ({ name, mapping: "[kernel.kallsyms]", file: "", line: 0 });
const inlined = (name) => ({ name, inlined: true, line: 33, file: "/src/app/parse.h" });

// main 10 itself; parse 50 (of it 20 in an inlined function); write 30, of it 20 in the kernel;
// recursive 10.
function shopStacks(parse = 30) {
  return [
    [["main"], 10],
    [["main", { name: "shop::parse(std::string const&)", file: "/src/app/parse.cc", line: 42 }], parse],
    [["main", { name: "shop::parse(std::string const&)", file: "/src/app/parse.cc", line: 42 }, inlined("shop::next_token()")], 20],
    [["main", "shop::write()"], 10],
    [["main", "shop::write()", kernel("vfs_write"), kernel("copy_from_user")], 20],
    [["main", "recurse", "recurse", "recurse"], 10],
  ];
}

let browser, store, server;

async function fillStore() {
  store = await Store.open();
  const total = (stacks) => stacks.reduce((sum, [, count]) => sum + count, 0);
  for (let minute = 0; minute < 60; minute++) {
    const time = kTime - 3600 + minute * 60;
    const later = minute >= 30;
    const stacks = shopStacks(later ? 230 : 30);
    const version = later ? "2.0" : "1.0";
    await store.add(pprof(stacks, { time, comments: accounting(total(stacks) - 5, { no_row: 5 }, { ring_full: 3 }) }),
      { time, samples: total(stacks), service: "shop", pid: "7", comm: "shop", exe: "/usr/bin/shop", version, build_id: "c0ffee".repeat(6) });
    await store.add(pprof([[["main", "idle_loop"], 40]], { time, comments: accounting(40, {}, {}, "queue", 8) }),
      { time, samples: 40, service: "queue", pid: "8", comm: "queue", exe: "/usr/bin/queue" });
  }
  store.events = [{ time: kTime - 1800, kind: "version", text: "shop changed from 1.0 to 2.0" }];
  const time = Array.from({ length: 60 }, (_, minute) => kTime - 3600 + minute * 60);
  const wave = (most) => time.map((_, i) => Math.round(most * (0.5 + 0.4 * Math.sin(i / 6))));
  store.metrics.series = ["shop", "queue"].map((service, i) => ({
    service, pid: 7 + i, start_ticks: 100, comm: service,
    points: { time, cpu: wave(100).map((x) => x / 100), rss: wave(3e8), threads: wave(16), descriptors: wave(80), faults: wave(2000), io: wave(5e6), switches: wave(900) },
  }));
  store.regressions.services = [{
    service: "shop", base_version: "1.0", version: "2.0", base_from: kTime - 3600, base_to: kTime - 1800, from: kTime - 1800, to: kTime,
    functions: [
      { name: "shop::parse(std::string const&)", short: "shop::parse", share: 0.767, base_share: 0.3, change: 0.467, interval: [0.4, 0.5], significant: true },
      { name: "noise", short: "noise", share: 0.01, base_share: 0.012, change: -0.002, interval: [-0.01, 0.01], significant: false },
    ],
  }];
}

describe("page", () => {
  before(async () => {
    await fillStore();
    server = await Server.start(store);
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await server?.close();
    await store?.close();
  });

  let shown, page;
  beforeEach(async () => {
    shown = await open(browser);
    page = shown.page;
  });
  afterEach(async () => {
    const { complaints, urls, context } = shown;
    await context.close();
    server.failure = null;
    assert.deepEqual(urls.filter((url) => !url.startsWith(server.origin) && !url.startsWith("blob:")), [], "a request left the host");
    assert.deepEqual(complaints, []);
  });

  const times = `from=${kTime - 1800}&to=${kTime}`;
  const early = `from=${kTime - 3600}&to=${kTime - 1801}`;
  const go = async (hash) => {
    await load(page, server.origin, hash);
    await page.locator('#view[aria-busy="false"]').waitFor();
  };
  const param = async (name) => page.evaluate((key) => new URLSearchParams(location.hash.split("?")[1] ?? "").get(key), name);
  const view = () => page.evaluate(() => location.hash.split("?")[0]);
  const settled = (predicate, ...values) => page.waitForFunction(predicate, ...values);
  // The cells of a table's rows, by the row's first cell.
  const table = async (caption) => {
    const rows = await page.locator("table.data", { has: page.locator("caption", { hasText: caption }) }).locator("tbody tr").all();
    const cells = await Promise.all(rows.map((row) => row.locator("td").allInnerTexts()));
    return new Map(cells.map((row) => [row[0].replace(/ kernel$/, ""), row.slice(1)]));
  };

  it("lists services by their CPU time, sorts and filters them", async () => {
    await go("processes?from=-1h");
    await page.getByRole("link", { name: "shop" }).waitFor();
    const rows = await table("Processes");
    assert.deepEqual([...rows.keys()], ["shop", "queue"]);
    assert.equal(rows.get("shop")[4], "12,000"); // 60 minutes: 30 of 100, 30 of 300
    await page.getByRole("button", { name: "Service" }).click();
    assert.deepEqual([...(await table("Processes")).keys()], ["queue", "shop"]);
    await page.getByLabel("Show only").fill("que");
    assert.deepEqual([...(await table("Processes")).keys()], ["queue"]);
    await page.getByLabel("Show only").fill("");
    await picture(page, "processes-light");
  });

  it("leads from a service to its flame graph, and back", async () => {
    await go("processes");
    await page.getByRole("link", { name: "shop", exact: true }).click();
    await page.locator(".flame-scroll").waitFor();
    assert.equal(await param("labels"), "service=shop,pid=7");
    await page.goBack();
    await page.getByRole("link", { name: "queue" }).waitFor();
    assert.equal(await view(), "#/processes");
  });

  it("takes the time range that is dragged on the chart", async () => {
    await go("processes");
    const box = await page.locator(".u-over").boundingBox();
    await page.mouse.move(box.x + box.width * 0.25, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.75, box.y + 60, { steps: 5 });
    await page.mouse.up();
    await settled(() => location.hash.includes("from=1"));
    const from = Number(await param("from"));
    const to = Number(await param("to"));
    assert.ok(Math.abs(from - (kTime - 2700)) < 30, `from ${from - kTime}`);
    assert.ok(Math.abs(to - (kTime - 900)) < 30, `to ${to - kTime}`);
    await page.goBack();
    await settled(() => !location.hash.includes("from=1"));
  });

  it("names a frame with its line, executable, total and own share", async () => {
    await go(`flame?${times}&labels=service=shop`);
    await page.locator('.flame[data-nodes="10"]').waitFor();
    await findFrame(page, "shop::parse(std::string const&)");
    const tip = await page.locator(".tooltip").innerText();
    assert.match(tip, /\/src\/app\/parse\.cc:42/);
    assert.match(tip, /\/usr\/bin\/app/);
    assert.match(tip, /total\s+1\.25 min \(83\.3 %\)/); // 250 of 300 samples a minute, 30 minutes
    assert.match(tip, /self\s+1\.15 min \(76\.7 %\)/);
    await findFrame(page, "shop::next_token()");
    assert.match(await page.locator(".tooltip").innerText(), /inlined/);
    await findFrame(page, "copy_from_user");
    assert.match(await page.locator(".tooltip").innerText(), /kernel/);
    await picture(page, "flame-light");
  });

  it("zooms on a click, out again with Escape, and in again with the browser's keys", async () => {
    await go(`flame?${times}&labels=service=shop`);
    const place = await findFrame(page, "shop::write()");
    await page.mouse.click(place.x, place.y);
    await settled(() => location.hash.includes("zoom="));
    await picture(page, "flame-zoomed-light");
    await page.locator(".flame-scroll").press("Escape");
    await settled(() => !location.hash.includes("zoom="));
    await page.goBack();
    await settled(() => location.hash.includes("zoom="));
    await page.reload();
    await page.locator(".flame").waitFor();
    // Zoomed: the frame reaches from edge to edge.
    const box = await page.locator(".flame-scroll").boundingBox();
    await page.mouse.move(box.x + 20, box.y + 2 * 19 + 9);
    await settled(() => document.querySelector(".tip-name")?.textContent === "shop::write()");
  });

  it("highlights by regular expression and says how much matches", async () => {
    await go(`flame?${times}&labels=service=shop`);
    await page.getByLabel("Highlight").fill("^(vfs_write|recurse)$");
    await settled(() => document.querySelector(".flame .found").textContent.includes("10.0 %")); // 20 + 10 of 300
    assert.equal(await param("search"), "^(vfs_write|recurse)$");
    await picture(page, "flame-highlight-light");
    await page.getByLabel("Highlight").fill("(");
    await settled(() => document.querySelector(".workbench .problem").textContent.startsWith("search:"));
    assert.equal(await page.getByLabel("Highlight").getAttribute("aria-invalid"), "true");
  });

  it("focuses and ignores", async () => {
    await go(`functions?${times}&labels=service=shop`);
    await page.getByLabel("Focus").fill("shop::write");
    await page.getByLabel("Focus").press("Enter");
    await settled(() => location.hash.includes("focus="));
    let rows = await table("Functions");
    assert.deepEqual([...rows.keys()].sort(), ["copy_from_user", "main", "shop::write", "vfs_write"]);
    assert.equal(rows.get("main")[1], "10.0 %"); // shares stay those of everything
    await page.getByLabel("Ignore").fill("kallsyms");
    await page.getByLabel("Ignore").press("Enter");
    await settled(() => location.hash.includes("ignore="));
    rows = await table("Functions");
    assert.deepEqual([...rows.keys()].sort(), ["main", "shop::write"]);
    await page.getByRole("button", { name: "Clear" }).click();
    await settled(() => !location.hash.includes("focus="));
    assert.equal((await table("Functions")).size, 7);
  });

  it("colours by package, executable and kind, with a legend", async () => {
    await go(`flame?${times}&labels=service=shop`);
    await page.locator(".legend-entry", { hasText: "shop" }).waitFor();
    await page.getByLabel("Colour by").selectOption("executable");
    await page.locator(".legend-entry", { hasText: "app" }).waitFor();
    await page.getByLabel("Colour by").selectOption("kind");
    await page.locator(".legend-entry", { hasText: "own function" }).waitFor();
    assert.equal(await param("color"), "kind");
    await picture(page, "flame-kind-light");
    await page.getByLabel("Roots").selectOption("bottom");
    assert.equal(await param("root"), "bottom");
    await picture(page, "flame-bottom-light");
  });

  it("tells each function's own and total share, recursion once", async () => {
    await go(`functions?${times}&labels=service=shop`);
    const rows = await table("Functions");
    const own = (name) => rows.get(name).slice(0, 2);
    assert.deepEqual(own("main"), ["3.33 %", "100.0 %"]);
    assert.deepEqual(own("shop::parse"), ["76.7 %", "83.3 %"]);
    assert.deepEqual(own("recurse"), ["3.33 %", "3.33 %"]);
    assert.deepEqual(own("shop::write"), ["3.33 %", "10.0 %"]);
    assert.equal([...rows.keys()][0], "shop::parse");
    await page.getByRole("columnheader", { name: "Total" }).first().getByRole("button").click();
    assert.equal([...(await table("Functions")).keys()][0], "main");
    assert.equal(await param("sort"), "total");
    await picture(page, "functions-light");
  });

  it("tells callers and callees of one function", async () => {
    await go(`functions?${times}&labels=service=shop`);
    await page.getByRole("link", { name: "shop::write" }).click();
    await page.getByRole("heading", { name: "shop::write()" }).waitFor();
    assert.deepEqual([...(await table("Callers"))].map(([name, cells]) => [name, cells[0]]), [["main", "10.0 %"]]);
    assert.deepEqual([...(await table("Callees"))].map(([name, cells]) => [name, cells[0]]), [["vfs_write", "6.67 %"]]);
    await go(`function?${times}&labels=service=shop&fn=recurse`);
    assert.deepEqual([...(await table("Callers"))].map(([name, cells]) => [name, cells[0]]), [["main", "3.33 %"], ["recurse", "3.33 %"]]);
    await picture(page, "function-light");
  });

  it("compares with the time before, in flame graph and table", async () => {
    await go(`compare?${times}&labels=service=shop`);
    await page.getByRole("button", { name: "the time just before" }).click();
    await settled(() => location.hash.includes("base_from="));
    assert.equal(await param("base_from"), String(kTime - 3600));
    await picture(page, "compare-light");
    await page.getByRole("link", { name: "Functions that changed" }).click();
    await page.locator("caption", { hasText: "Functions" }).waitFor();
    const rows = await table("Functions");
    const [name, cells] = [...rows][0];
    assert.equal(name, "shop::parse");
    assert.equal(cells[3], "30.0 %"); // own share in the base
    assert.equal(cells[4], "+46.7 %");
    assert.match(cells[7], /^yes \[\+/);
    await picture(page, "diff-functions-light");
    await page.getByRole("navigation").getByRole("link", { name: "Flame graph" }).click();
    await page.locator(".legend-entry", { hasText: "less than in the base" }).waitFor();
    await findFrame(page, "shop::parse(std::string const&)");
    assert.match(await page.locator(".tooltip").innerText(), /base total\s+.*50\.0 %/);
    await picture(page, "diff-flame-light");
    await page.getByLabel("Widths of").selectOption("base");
    assert.equal(await param("width"), "base");
    await page.getByRole("button", { name: "Stop comparing" }).click();
    await settled(() => !location.hash.includes("base_from="));
  });

  it("compares two versions in the same time", async () => {
    await go(`compare?from=${kTime - 3600}&to=${kTime}&labels=service=shop,version=2.0`);
    await page.getByLabel("Labels of the base").fill("service=shop,version=1.0");
    await page.getByLabel("Labels of the base").press("Enter");
    await settled(() => location.hash.includes("base_labels="));
    await page.getByRole("link", { name: "Functions that changed" }).click();
    await page.locator("caption", { hasText: "Functions" }).waitFor();
    const [name, cells] = [...(await table("Functions"))][0];
    assert.deepEqual([name, cells[4]], ["shop::parse", "+46.7 %"]);
  });

  it("chooses the base by dragging", async () => {
    await go(`compare?${times}&labels=service=shop`);
    const box = await page.locator(".u-over").boundingBox();
    await page.mouse.move(box.x + 5, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.4, box.y + 50, { steps: 4 });
    await page.mouse.up();
    await settled(() => location.hash.includes("base_from="));
    assert.ok(Number(await param("base_to")) < kTime - 1800);
  });

  it("lists what changed with a version, without the noise", async () => {
    await go(`changes?${times}`);
    await page.getByRole("heading", { name: /shop: 1\.0 → 2\.0/ }).waitFor();
    assert.deepEqual([...(await table("Functions whose own share")).keys()], ["shop::parse"]);
    await picture(page, "changes-light");
    await page.getByRole("link", { name: "Flame graph of the difference" }).click();
    await page.locator(".legend-entry", { hasText: "less than in the base" }).waitFor();
  });

  it("charts the metrics of processes", async () => {
    await go(`metrics?from=${kTime - 3600}&to=${kTime}`);
    await page.locator("figure", { hasText: "Resident memory" }).waitFor();
    assert.equal(await page.locator("figure canvas").count(), 7);
    assert.match(await page.getByRole("img", { name: /Threads\. shop \(7\): mean/ }).getAttribute("aria-label"), /most 14/);
    await picture(page, "metrics-light");
  });

  it("says where stacks are incomplete and samples dropped", async () => {
    await go(`flame?${early}&labels=service=shop`);
    const quality = page.locator(".quality").first();
    assert.match(await quality.innerText(), /Incomplete: .*95\.0 % of stacks complete.*2\.91 % of samples dropped/);
    await quality.locator("summary").click();
    assert.match(await quality.innerText(), /no_row\s+150/);
    assert.match(await quality.innerText(), /ring_full\s+90/);
    await go(`flame?${early}&labels=service=queue`);
    assert.doesNotMatch(await page.locator(".quality").first().innerText(), /Incomplete/);
  });

  it("filters by labels", async () => {
    await go(`flame?${times}`);
    await page.getByLabel("Label to filter by").selectOption("service");
    await page.getByLabel("Its value").fill("queue");
    await page.getByRole("button", { name: "Add filter" }).click();
    await page.locator(".chip", { hasText: "service = queue" }).waitFor();
    await findFrame(page, "idle_loop");
    await page.getByRole("button", { name: "Remove the filter service" }).click();
    await settled(() => !location.hash.includes("labels="));
  });

  it("changes the time by choice, by fields and to twice as much", async () => {
    await go(`processes?${times}`);
    await page.getByRole("button", { name: "Wider" }).click();
    await settled((from) => location.hash.includes(`from=${from}`), kTime - 2700);
    await page.getByRole("combobox", { name: "Time", exact: true }).selectOption("-6h");
    await settled(() => location.hash.includes("from=-6h"));
    await page.getByLabel("From").fill("2026-01-02T03:04:05");
    await page.getByLabel("From").blur();
    await settled(() => /from=17\d{8}/.test(location.hash));
  });

  it("downloads pprof, folded stacks and a flame graph that works by itself", async () => {
    await go(`flame?${times}&labels=service=shop`);
    const fetchFile = async (name) => {
      await page.locator(".downloads summary").click();
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name }).click()]);
      await page.locator(".downloads summary").click();
      const chunks = [];
      for await (const chunk of await download.createReadStream()) chunks.push(chunk);
      return Buffer.concat(chunks);
    };
    assert.equal((await fetchFile("pprof")).readUInt16BE(), 0x1f8b);
    assert.match((await fetchFile("folded stacks")).toString(), /main;shop::parse\(std::string const&\) 69000000000/);
    assert.match((await fetchFile("flame graph in one file")).toString(), /^<!doctype html>/);
  });

  it("is used with the keyboard alone", async () => {
    await go(`processes?${times}&labels=service=shop`);
    await page.keyboard.press("?");
    await page.getByRole("dialog").getByText("Keys", { exact: true }).waitFor();
    await picture(page, "help-light");
    await page.keyboard.press("Escape");
    await page.keyboard.press("2");
    await page.locator(".flame-scroll").waitFor();
    await page.locator('#view[aria-busy="false"]').waitFor();
    await page.locator(".flame-scroll").focus();
    const spoken = () => page.locator(".spoken").innerText();
    assert.match(await spoken(), /^all, total .*100\.0 %/);
    await page.keyboard.press("ArrowDown");
    assert.match(await spoken(), /^main,/);
    await page.keyboard.press("ArrowDown");
    assert.match(await spoken(), /^shop::parse/); // the widest child
    await page.keyboard.press("ArrowLeft");
    assert.match(await spoken(), /^recurse/);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await settled(() => location.hash.includes("zoom="));
    await page.keyboard.press("Escape");
    await settled(() => !location.hash.includes("zoom="));
    await page.keyboard.press("/");
    await page.keyboard.type("vfs");
    await page.keyboard.press("Escape");
    await page.locator(".flame-scroll").focus();
    await page.keyboard.press("n");
    assert.match(await spoken(), /^vfs_write, kernel/);
    await page.keyboard.press("c");
    await page.getByRole("heading", { name: "vfs_write" }).waitFor();
    await page.keyboard.press("3");
    await settled(() => location.hash.startsWith("#/functions"));
    for (const [key, hash] of [["4", "compare"], ["5", "changes"], ["6", "metrics"], ["1", "processes"]]) {
      await page.keyboard.press(key);
      await settled((name) => location.hash.startsWith(`#/${name}`), hash);
    }
  });

  it("tells the server's errors with their hints, and goes on", async () => {
    server.failure = { status: 400, body: { error: "the time range is empty", hint: "choose a later end" } };
    await page.goto(`${server.origin}/#/flame?${times}`);
    const alert = page.locator("main > .problem");
    await alert.getByText("the time range is empty").waitFor();
    await alert.getByText("choose a later end").waitFor();
    await picture(page, "error-light");
    server.failure = null;
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.locator(".flame-scroll").waitFor();
    assert.equal(await alert.isVisible(), false);
    shown.complaints.splice(0); // the browser's own notes of the answers 400
  });

  it("says that there is nothing", async () => {
    for (const name of ["processes", "flame", "functions"]) {
      await go(`${name}?from=1000&to=2000`);
      assert.match(await page.locator(".empty").innerText(), /^No (profiles|samples)/);
    }
    await picture(page, "empty-light");
  });

  it("has contrast, names for every control and nothing that overlaps, in light and dark", async () => {
    const views = [
      `processes?from=${kTime - 3600}&to=${kTime}`, `flame?${times}&labels=service=shop&search=write`, `functions?${times}`,
      `function?${times}&fn=main`, `compare?${times}&base_from=${kTime - 3600}&base_to=${kTime - 1800}`, `changes?${times}`,
      `metrics?from=${kTime - 3600}&to=${kTime}`, `functions?${times}&labels=service=shop&base_from=${kTime - 3600}&base_to=${kTime - 1800}`,
      `flame?${early}&labels=service=shop&base_from=${kTime - 1800}&base_to=${kTime}`, "flame?from=1000&to=2000",
    ];
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      for (const [index, hash] of views.entries()) {
        await go(hash);
        const where = `${colorScheme}, ${hash}`;
        assert.deepEqual(await page.evaluate(poorContrasts), [], where);
        assert.deepEqual(await page.evaluate(namelessControls), [], where);
        assert.deepEqual(await page.evaluate(overflows), [], where);
        if (colorScheme === "dark") await picture(page, `view-${index}-dark`);
      }
    }
    await page.setViewportSize({ width: 480, height: 800 });
    for (const hash of views) {
      await go(hash);
      assert.deepEqual(await page.evaluate(overflows), [], `narrow, ${hash}`);
    }
    await picture(page, "narrow-dark");
  });

  it("keeps the theme that was chosen", async () => {
    await go("processes");
    const dark = () => page.evaluate(() => document.documentElement.hasAttribute("data-dark"));
    assert.equal(await dark(), false);
    await page.getByRole("button", { name: "Theme: auto" }).click();
    await page.getByRole("button", { name: "Theme: light" }).click();
    await page.getByRole("button", { name: "Theme: dark" }).waitFor();
    assert.equal(await dark(), true);
    await page.reload();
    await page.getByRole("button", { name: "Theme: dark" }).waitFor();
    assert.equal(await dark(), true);
  });
});
