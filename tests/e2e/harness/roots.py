"""Root file systems to install packages into, and the packages.

An `OverlayRoot` is this machine's own root with changes of its own: dpkg and its dependencies are real, nothing
is fetched, and nothing of it reaches the machine. A `DebianRoot` is a clean one from Debian's packages
(mmdebstrap), unpacked from a copy that is kept in build/tests/roots. In both, programs run in mount and
process namespaces of their own that end with them, so nothing stays mounted.
"""
import atexit
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

from .paths import ROOT

RELEASE = ROOT / "build" / "release"
ROOTS = ROOT / "build" / "tests" / "roots"
QUIET = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
         "HOME": "/root"}


class Root:
    """A folder that programs are run in. `before` are shell lines that mount it, with $root set to it."""

    def __init__(self, folder, before):
        self.folder = Path(folder)
        self._before = before

    def path(self, inside):
        """Where a file of the root is seen from outside. A root that is an overlay has its changes only."""
        return self.folder / inside.lstrip("/")

    def start(self, *command, **options):
        script = (f"{self._before}\nmount -t proc proc $root/proc\nmount -t tmpfs tmpfs $root/run\n"
                  "mount --bind /dev $root/dev\nmount --rbind /sys $root/sys\nexec chroot $root \"$@\"")
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private",
                "sh", "-ec", script, "sh", *map(str, command)]

    def run(self, *command, seconds=120, check=True):
        """The output (both streams) of a command in the root."""
        answer = subprocess.run(self.start(*command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, timeout=seconds, env=QUIET)
        assert not check or answer.returncode == 0, f"{command}: {answer.returncode}\n{answer.stdout}"
        return answer.stdout

    def succeeds(self, *command):
        return subprocess.run(self.start(*command), stdin=subprocess.DEVNULL, capture_output=True,
                              env=QUIET, timeout=60).returncode == 0

    def sh(self, script, **options):
        return self.run("sh", "-ec", script, **options)

    def has(self, path):
        return self.succeeds("test", "-e", path)

    def put(self, file, inside):
        """A copy of a file of the machine's in the root."""
        with open(file, "rb") as source:
            subprocess.run(self.start("sh", "-ec", f"cat > {inside}"), stdin=source, check=True, env=QUIET,
                           timeout=60)
        return inside


def overlay_root(folder):
    folder = Path(folder) / f"root-{uuid.uuid4().hex[:8]}"
    for part in ("upper", "work", "merged"):
        (folder / part).mkdir(parents=True)
    before = (f"root={folder}/merged\n"
              f"mount -t overlay overlay -o lowerdir=/,upperdir={folder}/upper,workdir={folder}/work $root")
    root = Root(folder / "upper", before)
    # The index of manual pages is the machine's and takes its time.
    root.sh("rm -f /var/lib/man-db/auto-update")
    return root


def debian_archive(release, packages=()):
    """A clean root of Debian as a tar file, made once."""
    digest = hashlib.sha256(" ".join(sorted(packages)).encode()).hexdigest()[:12]
    name = f"{release}-{digest}" if packages else release
    archive = ROOTS / f"{name}.tar"
    if not archive.exists():
        ROOTS.mkdir(parents=True, exist_ok=True)
        partial = ROOTS / f".{os.getpid()}-{name}.tar"
        include = [f"--include={','.join(packages)}"] if packages else []
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", *include, release, partial], check=True,
                       stdin=subprocess.DEVNULL, timeout=900)
        partial.rename(archive)
    return archive


def debian_root(folder, release, packages=()):
    folder = Path(folder) / f"{release}-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    subprocess.run(["tar", "-C", folder, "-xf", debian_archive(release, packages)], check=True, timeout=300)
    return Root(folder, f"root={folder}\nmount --bind $root $root")


# --- packages ----------------------------------------------------------------------------------------

@functools.cache
def pack(kind, version=None):
    """A package of the release build, made once and quickly: stripped, and hardly compressed."""
    folder = Path(tempfile.mkdtemp(prefix="pprofd-package-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    defines = {"CPACK_STRIP_FILES": "ON", "CPACK_DEBIAN_COMPRESSION_TYPE": "none",
               "CPACK_RPM_COMPRESSION_TYPE": "gzip"}
    command = ["cpack", "-G", kind, "-B", folder, *(["-R", version] if version else []), *(f"-D{name}={value}" for name, value in defines.items())]
    answer = subprocess.run(command, cwd=RELEASE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=180)
    assert answer.returncode == 0, answer.stdout
    shutil.rmtree(folder / "_CPack_Packages")
    return next(folder.glob(f"*.{kind.lower()}"))
