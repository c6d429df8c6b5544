// Command workload writes profiles of Go's own runtime for tests to read: cpu.pb.gz, cpu2.pb.gz,
// heap.pb.gz, allocs.pb.gz, mutex.pb.gz, block.pb.gz, goroutine.pb.gz in the folder it is given.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sort"
	"strings"
	"sync"
	"time"
)

type number interface{ ~int | ~float64 }

type tree[T number] struct {
	left, right *tree[T]
	value       T
}

func (t *tree[T]) insert(value T) *tree[T] {
	if t == nil {
		return &tree[T]{value: value}
	}
	if value < t.value {
		t.left = t.left.insert(value)
	} else {
		t.right = t.right.insert(value)
	}
	return t
}

func (t *tree[T]) sum() T {
	if t == nil {
		return 0
	}
	return t.left.sum() + t.value + t.right.sum()
}

// Small enough to be inlined.
func step(state uint64) uint64 { return state*6364136223846793005 + 1442695040888963407 }

func fibonacci(n int) int {
	if n < 2 {
		return n
	}
	return fibonacci(n-1) + fibonacci(n-2)
}

//go:noinline
func even(n int) bool { return n == 0 || odd(n-1) }

//go:noinline
func odd(n int) bool { return n != 0 && even(n-1) }

var kept [][]byte
var sink int

func work(until time.Time, scale int) {
	state := uint64(scale)
	for time.Now().Before(until) {
		for i := 0; i < 100_000; i++ {
			state = step(state)
		}
		sink += fibonacci(20+scale) + int(state%2)
		var root *tree[int]
		for i := 0; i < 1000; i++ {
			state = step(state)
			root = root.insert(int(state >> 40))
		}
		sink += root.sum()
		if even(2000) {
			sink++
		}
		words := strings.Fields(strings.Repeat("the quick brown fox ", 200*scale))
		sort.Slice(words, func(i, j int) bool { return words[i] < words[j] })
		kept = append(kept, make([]byte, 1000))
	}
}

func contend() {
	var lock sync.Mutex
	var group sync.WaitGroup
	for i := 0; i < 4; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for n := 0; n < 200; n++ {
				lock.Lock()
				time.Sleep(20 * time.Microsecond)
				lock.Unlock()
			}
		}()
	}
	group.Wait()
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "workload:", err)
		os.Exit(1)
	}
}

func create(folder, name string) *os.File {
	file, err := os.Create(filepath.Join(folder, name+".pb.gz"))
	check(err)
	return file
}

func profileCPU(folder, name string, scale int) {
	file := create(folder, name)
	check(pprof.StartCPUProfile(file))
	work(time.Now().Add(time.Second), scale)
	pprof.StopCPUProfile()
	check(file.Close())
}

func main() {
	if len(os.Args) != 2 {
		check(fmt.Errorf("usage: workload FOLDER"))
	}
	folder := os.Args[1]
	runtime.MemProfileRate = 4096
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	profileCPU(folder, "cpu", 1)
	profileCPU(folder, "cpu2", 4)
	contend()
	runtime.GC()
	for _, name := range []string{"heap", "allocs", "mutex", "block", "goroutine"} {
		file := create(folder, name)
		check(pprof.Lookup(name).WriteTo(file, 0))
		check(file.Close())
	}
}
