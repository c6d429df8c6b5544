#!/bin/bash
# quickstart.sh ARGS…: installs what is missing, builds the release program, and becomes
# "pprofd ARGS…". Idempotent; when nothing changed it adds about a second.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/release

# Under sudo the build folder stays the caller's, so that a later build without sudo works.
give_build_to_caller() {
  [ "$(id -u)" = 0 ] && [ -n "${SUDO_UID:-}" ] && [ -d "$root/build" ] || return 0
  chown -R --no-dereference "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$root/build" ||
    echo "quickstart: warning: build files stay root's: chown failed" >&2
}

configure() {
  [ ! -f "$build/build.ninja" ] || return 0
  mkdir -p "$build"
  (cd "$root" && cmake --preset release -DPPROFD_TESTS=OFF -DCMAKE_UNITY_BUILD=ON) >"$build/quickstart.log" 2>&1 || {
    tail -20 "$build/quickstart.log" >&2
    echo "quickstart: error: the build could not be configured: see $build/quickstart.log" >&2
    return 1
  }
}

compile() {
  ninja -C "$build" -n pprofd 2>/dev/null | grep -q 'no work to do' && return 0
  echo "quickstart: building pprofd" >&2
  if [ -t 2 ]; then
    ninja -C "$build" pprofd >&2
  else
    ninja -C "$build" pprofd >"$build/quickstart.log" 2>&1 || {
      grep -A20 '^FAILED' "$build/quickstart.log" | head -60 >&2
      false
    }
  fi || {
    echo "quickstart: error: the build failed" >&2
    return 1
  }
}

"$root/packaging/setup.sh" build >&2
trap give_build_to_caller EXIT
configure
compile
give_build_to_caller
exec "$build/pprofd" "$@"
