#!/bin/bash
# setup.sh [GROUP…]: installs those packages of the groups (build, package, test, long; default: build)
# that are missing. packages.list says which they are. Does nothing, in well under a second, when nothing is
# missing. The group build also provides npm, which builds the web page. The group test also provides a Go toolchain, for pprof's own readers, as build/tools/bin/go.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")

die() {
  echo "setup: error: $1" >&2
  [ -z "${2:-}" ] || echo "hint: $2" >&2
  exit 1
}

groups=("$@")
[ ${#groups[@]} -gt 0 ] || groups=(build)

missing_packages() {
  local group name rest
  local -A installed=() wanted=()
  for group in "${groups[@]}"; do wanted[$group]=1; done
  while read -r name; do installed[$name]=1; done < <(
    dpkg-query -W -f='${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')
  while read -r group name rest; do
    [[ -n ${wanted[$group]:-} && -z ${installed[$name]:-} ]] && echo "$name"
  done < <(grep -E '^[a-z]+ ' "$here/packages.list")
  return 0
}

require_debian_12_and_root() {
  local id='' version=''
  [ -r /etc/os-release ] && id=$(. /etc/os-release && echo "${ID:-}") &&
    version=$(. /etc/os-release && echo "${VERSION_ID:-}")
  [[ $id == debian && $version == 12 ]] ||
    die "this machine is not Debian 12 (it says: ${id:-unknown} ${version:-})" \
      "install the counterparts of: $*"
  [ "$(id -u)" = 0 ] || die "not root, and these packages are missing: $*" "run it as root (sudo)"
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  echo "setup: installing $# packages: $*" >&2
  if ! apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 -o APT::Update::Error-Mode=any \
    update </dev/null >"$log" 2>&1; then
    # A third-party source that does not answer is no reason to stop; Debian's own is.
    grep -E '^(Err|W:|E:)' "$log" | head -5 >&2 || true
    grep -qE '^(Get|Hit):.* bookworm' "$log" ||
      die "no package source answers: the network or the sources of apt are not usable"
  fi
  apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o Acquire::Retries=2 \
    install "$@" </dev/null >"$log" 2>&1 || {
    tail -20 "$log" >&2
    die "apt-get could not install: $*"
  }
}

# --- npm, for the page -----------------------------------------------------------------------------
# Not in packages.list: a machine may have Node.js from elsewhere, with an npm that is no package and
# that Debian's would not go with.

provide_npm() {
  local version
  if command -v node >/dev/null && command -v npm >/dev/null; then
    version=$(node -p 'parseInt(process.versions.node)')
    [ "$version" -lt 18 ] || return 0
    die "Node.js $version is too old for the web page" "install Node.js 18 or later"
  fi
  require_debian_12_and_root nodejs npm
  install_packages nodejs npm
}

# --- Go, for the tests -----------------------------------------------------------------------------
# Debian's Go is older than what pprof's latest release asks for. Its module client fetches the newer
# toolchain, pinned in tests/peers/toolchain, as a module; files of a module carry no exec bits.

go_is_new_enough() {
  local version
  version=$("$1" env GOVERSION 2>/dev/null) || return 1
  [[ $version =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 25 ]
}

provide_go() {
  local tools=$root/build/tools candidate go
  [ -x "$tools/bin/go" ] && go_is_new_enough "$tools/bin/go" && return
  mkdir -p "$tools/bin"
  for candidate in "$(command -v go || true)" /usr/local/go/bin/go; do
    if [ -x "$candidate" ] && GOTOOLCHAIN=local go_is_new_enough "$candidate"; then
      ln -sfn "$("$candidate" env GOROOT)/bin/go" "$tools/bin/go"
      return
    fi
  done
  if ! command -v go >/dev/null; then
    require_debian_12_and_root golang-go
    install_packages golang-go
  fi
  echo "setup: fetching the Go toolchain" >&2
  local answer dir
  answer=$(cd "$root/tests/peers/toolchain" &&
    GOPATH=$tools/go-modules GOTOOLCHAIN=local GOFLAGS=-modcacherw \
      go mod download -json golang.org/toolchain) || true
  dir=$(sed -n 's/^\t"Dir": "\(.*\)",\?$/\1/p' <<<"$answer")
  [ -d "$dir" ] ||
    die "the Go toolchain could not be fetched: $(sed -n 's/^\t"Error": "\(.*\)"$/\1/p' <<<"$answer")"
  chmod -R u+w,a+rX "$dir"
  chmod a+x "$dir"/bin/* "$dir"/pkg/tool/*/*
  ln -sfn "$dir/bin/go" "$tools/bin/go"
}

mapfile -t missing < <(missing_packages)
if [ ${#missing[@]} -gt 0 ]; then
  require_debian_12_and_root "${missing[@]}"
  install_packages "${missing[@]}"
fi
for group in "${groups[@]}"; do
  [ "$group" != build ] || provide_npm
  [ "$group" != test ] || provide_go
done
