// otel_rows FILE…: the same measurement as rows_speed, of the OpenTelemetry eBPF profiler's
// extractor. A line a file: file, MB of .eh_frame, rows, CPU seconds (median of 7), MB/s and rows/s
// of CPU time, distinct rules.
package main

import (
	"debug/elf"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"go.opentelemetry.io/ebpf-profiler/nativeunwind/elfunwindinfo"
	sdtypes "go.opentelemetry.io/ebpf-profiler/nativeunwind/stackdeltatypes"
)

const rounds = 7

// The garbage collector's threads count: they work for the extraction.
func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

func ehFrameSize(path string) (uint64, error) {
	file, err := elf.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	if section := file.Section(".eh_frame"); section != nil {
		return section.Size, nil
	}
	return 0, nil
}

func measure(path string) error {
	size, err := ehFrameSize(path)
	if err != nil {
		return err
	}
	var seconds []float64
	rows := 0
	rules := map[sdtypes.UnwindInfo]bool{}
	for round := range rounds {
		runtime.GC()
		start := cpuSeconds()
		data, err := elfunwindinfo.Extract(path)
		seconds = append(seconds, cpuSeconds()-start)
		if err != nil {
			return err
		}
		rows = int(data.NumDeltas)
		if round == 0 {
			for _, block := range data.Blocks {
				for _, delta := range block.Deltas {
					rules[delta.Info] = true
				}
			}
		}
	}
	slices.Sort(seconds)
	median := seconds[rounds/2]
	megabytes := float64(size) / 1e6
	fmt.Printf("%s\t%.3f\t%d\t%.5f\t%.1f\t%.2e\t%d\n", path, megabytes, rows, median,
		megabytes/median, float64(rows)/median, len(rules))
	return nil
}

func main() {
	fmt.Println("file\tMB\trows\tCPU s\tMB/s\trows/s\trules")
	for _, path := range os.Args[1:] {
		if err := measure(path); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(1)
		}
	}
}
