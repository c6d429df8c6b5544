#!/bin/sh
# smoke.sh PPROFD WORKLOADS OUT: the end-to-end smoke test, in a virtual machine's busybox as on any
# host. Only records; what came of it is checked outside, from OUT: NAME.status, NAME.out, NAME.err,
# and the profiles.
pprofd=$1
workloads=$2
out=$3
mkdir -p "$out"
cd "$out" || exit 1

record() { # NAME PPROFD-ARGUMENTS…
  name=$1
  shift
  "$pprofd" "$@" >"$name.out" 2>"$name.err" </dev/null
  echo $? >"$name.status"
}

uname -r >kernel
record doctor doctor

"$workloads/three_functions" 1000000 >target.out &
target=$!
echo "$target" >target.pid
until grep -q ready target.out; do sleep 0.1; done
# What the target used of the CPU: "CPU time in 1/100 s, uptime in s", before and after.
used() {
  read -r uptime _ </proc/uptime
  # After the name in parentheses, user and system time are the 12th and 13th fields.
  sed 's/.*) //' "/proc/$target/stat" | { read -r _ _ _ _ _ _ _ _ _ _ _ user system _ && echo "$((user + system)) $uptime"; }
}

used >target.before
record process record -p "$target" -d 4 -o process.pb.gz
used >target.after
record everything record --all -d 3 -o everything/
kill "$target"
wait "$target"
record command record -F 199 -o command.pb.gz -- "$workloads/burn" 1500 1 5
"$workloads/burn" 0 >/dev/null &
busy=$!
record overflow record --all -F 5000 -d 2 --merge -o overflow.pb.gz
kill "$busy"
wait "$busy"
