//go:build tools

// Package tools keeps the profiler's program among the module's requirements.
package tools

import _ "go.opentelemetry.io/ebpf-profiler"
