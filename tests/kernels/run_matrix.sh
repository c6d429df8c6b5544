#!/bin/bash
# run_matrix.sh: the smoke test on every kernel of the matrix, by one command. Needs the release build.
exec bash "$(dirname "${BASH_SOURCE[0]}")/../run.sh" kernels "$@"
