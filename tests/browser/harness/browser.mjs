// A Chromium that can reach loopback only, and says what it could not do.
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { modules, pictures } from "./paths.mjs";

const { chromium } = createRequire(join(modules, "package.json"))("playwright-core");

const kArguments = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

export async function launch() {
  mkdirSync(pictures, { recursive: true });
  return chromium.launch({ executablePath: process.env.PPROFD_CHROMIUM ?? "/usr/bin/chromium", headless: true, args: kArguments });
}

/** A page with what went wrong in it, and what it asked of whom. */
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "light", acceptDownloads: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints = [];
  const urls = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => urls.push(request.url()));
  return { context, page, complaints, urls };
}

let loads = 0;

/**
 * Loads the page anew, also where only what follows the # is another. Not by way of about:blank: what the page
 * before still asks for, its icon, would count as asked from there, and be refused.
 */
export async function load(page, origin, hash) {
  await page.goto(`${origin}/?load=${++loads}#/${hash}`);
}

export function picture(page, name) {
  return page.screenshot({ path: join(pictures, `${name}.png`) });
}

/**
 * The place of the frame with this name in the flame graph, found by pointing at it as people do, in so many places of
 * each row.
 */
export async function findFrame(page, name, rows = 12, places = 40) {
  const graph = page.locator(".flame-scroll");
  const box = await graph.boundingBox();
  const tip = page.locator(".tip-name");
  for (let row = 0; row < Math.min(rows, Math.floor(box.height / 19)); row++)
    for (let place = 0.5; place < places; place += 1) {
      const position = { x: (place / places) * (box.width - 20), y: row * 19 + 9 };
      await page.mouse.move(box.x + position.x, box.y + 1 + position.y);
      if ((await tip.isVisible()) && (await tip.textContent()) === name) return { x: box.x + position.x, y: box.y + 1 + position.y };
    }
  throw new Error(`no frame ${name} is seen`);
}
