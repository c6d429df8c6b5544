#!/bin/bash
# Every C and C++ file of ours is as clang-format-19 would write it; every shell script parses.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

status=0
mapfile -t sources < <(git ls-files '*.h' '*.c' '*.cc')
[ ${#sources[@]} -gt 0 ] || { echo 'error: no sources found' >&2 && exit 1; }
for source in "${sources[@]}"; do
  clang-format-19 --dry-run --Werror "$source" >/dev/null 2>&1 ||
    { echo "error: $source is not as clang-format-19 writes it" && status=1; }
done
while read -r script; do
  bash -n "$script" || status=1
done < <(git grep -lE '^#!/bin/(ba)?sh' -- . | grep -vE '\.(md|py|cc|h)$')
while read -r script; do
  python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$script" || status=1
done < <(git ls-files '*.py')
exit $status
