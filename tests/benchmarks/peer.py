"""The OpenTelemetry eBPF profiler, built from its registry's module at the version that otel/go.mod pins."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build/benchmarks"  # what the benchmarks build, kept for the next run
PROFILER = "go.opentelemetry.io/ebpf-profiler"
EXTRACTOR = "./rows"
RECEIVER = "./receiver"


def build(*packages):
    """Builds packages of otel/'s module; returns the programs."""
    go = ROOT / "build/tools/bin/go"
    go = str(go) if go.exists() else shutil.which("go")
    if go is None:
        sys.exit("there is no Go; packaging/setup.sh test provides one")
    folder = BUILD / "otel"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([go, "build", "-tags", "osusergo,netgo", "-o", f"{folder}/", *packages], cwd=HERE / "otel",
                   env={**os.environ, "CGO_ENABLED": "0"}, check=True)
    return [folder / package.rsplit("/", 1)[-1] for package in packages]
