#!/bin/bash
# Every C and C++ file of ours is as clang-format-19 would write it; every script parses.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

status=0
mapfile -t sources < <(git ls-files '*.h' '*.c' '*.cc')
[ ${#sources[@]} -gt 0 ] || { echo 'error: no sources found' >&2 && exit 1; }
complaints=$(printf '%s\0' "${sources[@]}" |
  xargs -0 -n 50 -P "$(nproc)" clang-format-19 --dry-run --Werror 2>&1) || {
  sed -nE 's/^([^:]+):[0-9]+:[0-9]+: error: .*/error: \1 is not as clang-format-19 writes it/p' \
    <<<"$complaints" | sort -u
  status=1
}
while read -r script; do
  bash -n "$script" || status=1
done < <(git grep -lE '^#!/bin/(ba)?sh' -- . | grep -vE '\.(md|py|cc|h)$')
git ls-files -z '*.py' | xargs -0 python3 -c '
import ast, sys
for path in sys.argv[1:]:
    ast.parse(open(path).read(), path)' || status=1
exit $status
