#!/bin/bash
# run.sh [--long] [STEP…] [-- PYTEST-ARGUMENTS…]: installs, builds and tests everything.
#
# Steps, in this order: build lint unit asan tsan fuzz differential e2e browser kernels (setup always
# runs).
# Without a step all of them; with some, only those and what they need built. What follows -- goes
# to pytest (`run.sh e2e -- -k cgroup`).
#
# --long: every run of every test, and the builds and checks that are too slow for each change.
# Without it, and without naming the step, `unit` has only what the sanitizers would skip (`asan` runs
# the same programs whole), and `lint` has clang-tidy look at an eighth of the sources; at the tests' own
# only with --long.
#
# The output of each step is in build/tests/STEP.log. The last line is the sum of all steps:
# "N passed, N failed, N skipped"; the exit status is 0 only when nothing failed. A step that has no
# tests of its own (a build, a check) counts as one.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
logs=$root/build/tests
all_steps=(build lint unit asan tsan fuzz differential e2e browser kernels)

long=''
steps=()
pytest_arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --long) long=1 ;;
    --) shift && pytest_arguments=("$@") && break ;;
    -h | --help) sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" && exit 0 ;;
    *)
      [[ " ${all_steps[*]} " == *" $1 "* ]] || {
        echo "run.sh: error: no step $1 (there are: ${all_steps[*]})" >&2
        exit 2
      }
      steps+=("$1")
      ;;
  esac
  shift
done
# Whether a step is to have all that it can have.
whole() {
  [ -n "$long" ] || [[ $named == *" $1 "* ]]
}
named=" ${steps[*]} "
[ ${#steps[@]} -gt 0 ] || steps=("${all_steps[@]}")

passed=0 failed=0 skipped=0
failed_steps=()
began=$SECONDS
jobs=$(nproc)
scratch=$(mktemp -d /tmp/pprofd-tests.XXXXXX)
chmod 755 "$scratch"
export TMPDIR=$scratch

# Whatever is still mounted below the scratch folder, or runs as a job of this shell, goes with it.
clean_up() {
  local pid mount
  for pid in $(jobs -p); do kill "$pid" 2>/dev/null; done
  while read -r _ mount _; do umount --lazy "$mount"; done < <(
    grep -F " $scratch" /proc/self/mounts | sort -r)
  rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- running and counting ---------------------------------------------------------------------------

# step NAME DEADLINE COMMAND…: runs it, with its output in the log; counts what it reported in
# junit files (STEP.xml, STEP.junit/), or else itself as one. Returns the command's status.
step() {
  local name=$1 deadline=$2 start=$SECONDS status counts
  shift 2
  rm -rf "$logs/$name".xml "$logs/$name".junit
  timeout --kill-after=20 "$deadline" bash -c 'set -o pipefail; "$@"' "$name" "$@" \
    </dev/null >"$logs/$name.log" 2>&1
  status=$?
  counts=$(count_junit "$logs/$name.xml" "$logs/$name".junit/*.xml)
  if [ -z "$counts" ]; then
    [ $status = 0 ] && counts='1 0 0' || counts='0 1 0'
  elif [ $status != 0 ] && [[ $counts == *' 0 '* ]]; then
    counts=$(awk '{print $1, 1, $3}' <<<"$counts") # it failed outside its tests
  fi
  read -r p f s <<<"$counts"
  ((passed += p, failed += f, skipped += s))
  printf '%-14s %4d s   %s\n' "$name" $((SECONDS - start)) \
    "$([ "$f" = 0 ] && echo ok || echo FAILED): $p passed, $f failed, $s skipped"
  if [ $status != 0 ]; then
    failed_steps+=("$name")
    [ $status != 124 ] || echo "  $name did not end within $deadline s"
    show_failure "$logs/$name.log"
  fi
  [ "$s" = 0 ] || show_skips "$logs/$name.log"
  return $status
}

count_junit() {
  python3 - "$@" <<'PYTHON'
import os, sys, xml.etree.ElementTree as tree
files = [f for f in sys.argv[1:] if os.path.exists(f)]
if not files:
    sys.exit()
suites = [s for f in files for s in tree.parse(f).iter("testsuite")]
total = {k: sum(int(s.get(k) or 0) for s in suites) for k in ("tests", "failures", "errors", "skipped", "disabled")}
bad, skipped = total["failures"] + total["errors"], total["skipped"] + total["disabled"]
print(total["tests"] - bad - skipped, bad, skipped)
PYTHON
}

show_failure() {
  {
    grep -nE '^(FAILED|ERROR)|error:|\*\*\*Failed|\[  FAILED  \]|Failure$|Sanitizer|warning: ' "$1" | head -40
    echo '...'
    tail -n 60 "$1"
  } | sed 's/^/  | /'
}

# Skips are loud: each reason, and how often.
show_skips() {
  grep -E '^SKIPPED \[|\(Skipped\)|\*\*\*Skipped|: \[  SKIPPED \] .*\(' "$1" | grep -v 'only with --long' | sed 's/^/  skipped: /' | head -20
}

wanted() {
  local each
  for each in "${steps[@]}"; do [[ " $* " != *" $each "* ]] || return 0; done
  return 1
}

finish() {
  echo
  [ ${#failed_steps[@]} = 0 ] || echo "failed: ${failed_steps[*]} (logs: build/tests/)"
  echo "$((SECONDS - began)) s in all"
  echo "$passed passed, $failed failed, $skipped skipped"
  [ $failed = 0 ] && [ ${#failed_steps[@]} = 0 ] && exit 0
  exit 1
}

# --- the steps --------------------------------------------------------------------------------------

# Each runs in a shell of its own, under its step's deadline.

build() { # PRESET TARGETS CMAKE-ARGUMENTS…
  local preset=$1 targets=$2
  shift 2
  if command -v ccache >/dev/null && [ -z "${CCACHE_DISABLE:-}" ]; then
    set -- -DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "$@"
  else
    set -- -DCMAKE_UNITY_BUILD=ON "$@"
    [[ $preset != ?san ]] || set -- -DPPROFD_PRECOMPILE=ON "$@" # what is optimised as well gains little
  fi
  # shellcheck disable=SC2086
  cmake --preset "$preset" -DPPROFD_TESTS=ON "$@" &&
    cmake --build --preset "$preset" -j"$jobs" --target $targets
}

# A build folder for clang-tidy, which has no use for the page.
tidy() { # TIDY'S ARGUMENTS…
  cmake --preset release -B build/tidy -DPPROFD_TESTS=ON -DPPROFD_PAGE=OFF -DCMAKE_UNITY_BUILD=ON &&
    cmake --build build/tidy -j"$jobs" --target generated &&
    tests/lint/tidy.py build/tidy "$@"
}

unit_tests() { # PRESET STEP CTEST-ARGUMENTS…
  local preset=$1 name=$2
  shift 2
  ctest --test-dir "build/$preset" -j"$jobs" --output-on-failure --timeout 120 \
    --output-junit "$logs/$name.xml" "$@"
}

# The same for a build with sanitizers, where one run is all tests of a program.
sanitized_tests() { # PRESET STEP CTEST-ARGUMENTS…
  local preset=$1 name=$2
  shift 2
  GTEST_OUTPUT=xml:$logs/$name.junit/ ctest --test-dir "build/$preset" -j"$jobs" --verbose --timeout 600 "$@"
}

fuzz_one() { # PROGRAM SECONDS: its output comes at its end, whole
  local program=$1 name=${1##*/} seeds=() status
  [ ! -d "$program.corpus" ] || seeds=("$program.corpus")
  mkdir -p "$scratch/corpus/$name"
  "$program" -max_total_time="$2" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="$logs/$name-" "$scratch/corpus/$name" "${seeds[@]}" >"$scratch/$name.log" 2>&1
  status=$?
  printf '== %s\n%s\n' "$name" "$(cat "$scratch/$name.log")"
  return $status
}

fuzz() { # SECONDS for each fuzzer, one on each CPU
  find build/asan/fuzz -maxdepth 1 -type f -executable -print0 | sort -z |
    xargs -0 --no-run-if-empty -P "$jobs" -I '{}' bash -c 'fuzz_one "$@"' fuzz '{}' "$1" || return 1
  [ -n "$(find "$scratch/corpus" -mindepth 1 -print -quit 2>/dev/null)" ] || {
    echo 'no fuzzer was built' >&2
    return 1
  }
}

python_tests() { # STEP PYTEST-ARGUMENTS…
  local name=$1
  shift
  PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -c tests/pytest.ini --rootdir tests \
    --basetemp "$scratch/$name" --junitxml "$logs/$name.xml" -q "$@" || {
    # What the user chose may have no test in this step.
    [ $? = 5 ] && [ -n "${chosen:-}" ]
  }
}

# The page in Chromium. What the tests take from npm is installed in the build folder.
browser_tests() {
  local modules=build/browser
  if ! cmp -s tests/browser/package-lock.json $modules/package-lock.json || [ ! -e $modules/installed ]; then
    rm -rf $modules
    mkdir -p $modules
    cp tests/browser/package.json tests/browser/package-lock.json $modules
    (cd $modules && npm ci --ignore-scripts --no-audit --no-fund && touch installed) || return 1
  fi
  # One file after the other: the times that they hold to are those of a machine that is not crowded.
  node --test --test-concurrency=1 --test-reporter=spec --test-reporter-destination=stdout \
    --test-reporter=junit --test-reporter-destination="$logs/browser.xml" tests/browser/*.test.mjs
}

export -f build tidy browser_tests unit_tests sanitized_tests fuzz_one fuzz python_tests
export root logs scratch jobs chosen=${pytest_arguments[*]}

mkdir -p "$logs"
echo "pprofd's tests${long:+, the long run}: $(uname -sr), $jobs CPUs"
step setup 1200 packaging/setup.sh build test ${long:+package long} || finish

if wanted build unit differential e2e browser kernels; then
  targets='all workloads' unit_labels=()
  if ! whole unit; then
    targets='pprofd pprofd_install_files differential_tools plain_tests workloads' unit_labels=(-L plain)
  fi
  step build 2400 build release "$targets" -DPPROFD_PAGE=ON || finish
fi
if [ -n "$long" ] && wanted build; then
  step build-clang 1500 build clang all
fi
if wanted lint; then
  step format 300 tests/lint/format.sh
  extent=--sample
  ! whole lint || extent=${long:+--tests}
  step page-lint 300 tests/lint/page.sh
  step tidy 2400 tidy $extent
fi
if wanted unit; then
  step unit 600 unit_tests release unit "${unit_labels[@]}"
fi
# clang-19 with the sanitizers, and with the coverage that the fuzzers steer by.
if wanted asan fuzz; then
  step build-asan 2400 build asan 'all fuzzers' -DPPROFD_FUZZERS=ON -DCMAKE_C_COMPILER=clang-19 \
    -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_C_FLAGS=-fsanitize=fuzzer-no-link \
    -DCMAKE_CXX_FLAGS=-fsanitize=fuzzer-no-link -DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld && asan=1
fi
if wanted asan && [ -n "${asan:-}" ]; then
  step asan 1800 sanitized_tests asan asan
fi
if wanted tsan; then
  targets=threaded_tests labels=(-L threaded)
  [ -z "$long" ] || targets=all labels=()
  step build-tsan 1500 build tsan "$targets" && step tsan 900 sanitized_tests tsan tsan "${labels[@]}"
fi
if wanted fuzz && [ -n "${asan:-}" ]; then
  [ -n "$long" ] && seconds=180 || seconds=5
  step fuzz 7200 fuzz $seconds
fi
options=(${long:+--long} "${pytest_arguments[@]}")
[ -n "$long" ] && deadline=7200 || deadline=2400
if wanted differential; then
  # Nothing is timed there: one file of tests on each CPU.
  step differential $deadline python_tests differential tests/differential -n "$jobs" --dist loadfile \
    "${options[@]}"
fi
if wanted e2e; then
  # These ask for names, files, answers and stacks, not for times: one file of them on each CPU.
  side_by_side=(packaging test_{debuginfod,export,fleet,harness,hostile_files,index_cache,inspect,jit_dump,lines}.py
    test_{missing_names,output,serve,ship,ship_formats,ship_s3,stacks,symbolize,symbolize_profiles,symbols}.py)
  side_by_side=("${side_by_side[@]/#/tests/e2e/}")
  step e2e-files $deadline python_tests e2e-files "${side_by_side[@]}" -n "$jobs" --dist loadfile "${options[@]}"
  step e2e $deadline python_tests e2e tests/e2e "${side_by_side[@]/#/--ignore=}" "${options[@]}"
fi
if wanted browser; then
  step browser 900 browser_tests
fi
if wanted kernels; then
  step kernels 900 python_tests kernels tests/kernels "${options[@]}"
fi
finish
