#!/bin/bash
# The page's TypeScript has the types it says, and eslint finds nothing in it. In a copy in the build
# folder, where npm installs what that takes; the sources' own folder stays as it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

copy=build/page-lint
page=daemon/serve/page
mkdir -p "$copy"
if ! cmp -s "$page/package-lock.json" "$copy/package-lock.json" || [ ! -e "$copy/installed" ]; then
  rm -rf "$copy"
  mkdir -p "$copy"
  cp "$page/package.json" "$page/package-lock.json" "$copy"
  (cd "$copy" && npm ci --ignore-scripts --no-audit --no-fund && touch installed)
fi
rm -rf "$copy/src" "$copy/tools"
cp -r "$page/src" "$page/tools" "$page/tsconfig.json" "$page/eslint.config.mjs" "$copy"
cd "$copy"
npm run --silent check
npm run --silent lint
