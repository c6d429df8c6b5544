"""Where things are. Everything comes from the release build folder, or from the environment."""
import atexit
import os
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ROOT / "build" / "tools"


def _reachable_build():
    """The build folder, or a copy of the programs where users without privileges can reach them."""
    build = Path(os.environ.get("PPROFD_BUILD", ROOT / "build" / "release"))
    if all(os.stat(folder).st_mode & 0o001 for folder in [build, *build.parents] if folder.exists()):
        return build
    copy = Path(tempfile.mkdtemp(prefix="pprofd-programs-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    copy.chmod(0o755)
    if (build / "pprofd").exists():
        shutil.copy2(build / "pprofd", copy)
    shutil.copytree(build / "workloads", copy / "workloads")
    return copy


BUILD = _reachable_build()
PPROFD = BUILD / "pprofd"
WORKLOADS = BUILD / "workloads"


def workload(name):
    path = WORKLOADS / name
    assert path.exists(), f"{path} is not built (ninja -C {BUILD} workloads)"
    return str(path)
