//go:build tools

// Package tools keeps the reader's program among the module's requirements.
package tools

import _ "github.com/google/pprof"
