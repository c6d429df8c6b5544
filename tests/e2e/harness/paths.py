"""Where things are. Everything comes from the release build folder, or from the environment."""
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("PPROFD_BUILD", ROOT / "build" / "release"))
PPROFD = BUILD / "pprofd"
WORKLOADS = BUILD / "workloads"
TOOLS = ROOT / "build" / "tools"


def workload(name):
    path = WORKLOADS / name
    assert path.exists(), f"{path} is not built (ninja -C {BUILD} workloads)"
    return str(path)
