// The Go toolchain that the tests fetch where the machine's own is too old, pinned by go.sum.
module pprofd.invalid/toolchain

go 1.19

require golang.org/toolchain v0.0.1-go1.26.8.linux-amd64
