// Where things are.
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../..", import.meta.url));
export const build = process.env.PPROFD_BUILD ?? join(root, "build", "release");
export const pprofd = join(build, "pprofd");
export const workloads = join(build, "workloads");
// What `npm ci` installed of tests/browser/package.json.
export const modules = process.env.PPROFD_BROWSER_MODULES ?? join(root, "build", "browser");
export const pictures = join(root, "build", "tests", "browser");
