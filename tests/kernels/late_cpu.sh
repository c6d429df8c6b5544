#!/bin/sh
# late_cpu.sh PPROFD WORKLOADS OUT: in a virtual machine, a recording of everything that begins while
# the second of two CPUs is offline, and a program that works on that CPU once it is there. Leaves in
# OUT: late.status, late.out, late.err, the profiles in late/, and what the program prints in burn.out.
pprofd=$1
workloads=$2
cd "$3" || exit 1
online=/sys/devices/system/cpu/cpu1/online

echo 0 >"$online"
"$pprofd" record --all -o late/ >late.out 2>late.err </dev/null &
recording=$!
tries=0
# One event of samples and one of what processes do, both on the CPU that is there.
until [ "$(ls -l "/proc/$recording/fd" | grep -c perf_event)" -ge 2 ] || [ $tries = 300 ]; do
  tries=$((tries + 1))
  sleep 0.1
done
echo 1 >"$online"
taskset 2 "$workloads/burn" 5000 >burn.out
kill -INT "$recording"
wait "$recording"
echo $? >late.status
