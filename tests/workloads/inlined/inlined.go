// As inlined.cc; ends with the signal.
package main

import "os"

var result uint64

func mix(x uint64) uint64 { // mix starts
	for i := 0; i < 1000; i++ {
		x = (((x^(x>>7))*0x9e3779b97f4a7c15^21)*0x9e3779b1 ^ 42) * 0x85ebca77 // mix works
	}
	return x
}

func spin(rounds int) uint64 { // spin starts
	sum := uint64(1)
	for i := 0; i < rounds; i++ {
		sum = mix(sum + uint64(i)) // spin calls mix
	}
	return sum
}

//go:noinline
func outer(rounds int) { // outer starts
	result = spin(rounds) // outer calls spin
}

func main() {
	os.Stdout.WriteString("ready\n")
	for {
		outer(100)
	}
}
