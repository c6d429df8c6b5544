#!/bin/bash
# build.sh FOLDER: what tests compare with, in FOLDER:
#   pprof        google/pprof's program at the version that go.mod pins
#   go-pprof     the one of the Go distribution
#   accept       says whether google/pprof's library reads a file
#   module       a link to google/pprof's source
#   profiles/    profiles made by Go programs
# Exits with 77 (skipped) where there is no Go that is new enough.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1/profiles"
folder=$(cd "$1" && pwd)

go=$here/../../../build/tools/bin/go
[ -x "$go" ] || go=$(command -v go) || {
  echo 'there is no Go; packaging/setup.sh test provides one'
  exit 77
}
version=$("$go" env GOVERSION)
[[ $version =~ ^go1\.([0-9]+) && ${BASH_REMATCH[1]} -ge 25 ]] || {
  echo "$version is older than pprof needs (1.25); packaging/setup.sh test provides another"
  exit 77
}

cd "$here"
"$go" build -o "$folder/" github.com/google/pprof ./accept ./workload
ln -sfn "$("$go" tool -n pprof)" "$folder/go-pprof"
ln -sfn "$("$go" list -m -f '{{.Dir}}' github.com/google/pprof)" "$folder/module"
[ -s "$folder/profiles/goroutine.pb.gz" ] || "$folder/workload" "$folder/profiles"
