"""What the tests need of the machine, and how they change it: mounts, cgroups, namespaces, eBPF
objects. Every change is undone when its `with` block is left."""
import contextlib
import ctypes
import errno
import functools
import json
import os
import platform
import re
import shutil
import subprocess
import uuid
from pathlib import Path

from .processes import run, wait_until

NOBODY = 65534
SYS = {"perf_event_open": 298, "bpf": 321, "openat2": 437, "seccomp": 317, "clone3": 435}
BPF_LOOP = 181
CAPABILITIES = {"sys_ptrace": 19, "sys_admin": 21, "sys_resource": 24, "syslog": 34, "perfmon": 38, "bpf": 39}


# --- requirements: why a test can't run here, or None -----------------------------------------------

def _capabilities():
    return int(re.search(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text())[1], 16)


def _has(capability):
    return bool(_capabilities() >> CAPABILITIES[capability] & 1)


def _no_root():
    return None if os.geteuid() == 0 else "needs root"


@functools.cache
def _no_bpf():
    if _no_root() or not (_has("bpf") or _has("sys_admin")):
        return "needs root with CAP_BPF and CAP_PERFMON"
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(64)
    if libc.syscall(SYS["bpf"], 11, buffer, 64) < 0 and ctypes.get_errno() in (errno.EPERM, errno.ENOSYS):
        return "the bpf system call is refused here"
    return None


def _no_program(name):
    return None if shutil.which(name) else f"needs the program {name}"


@functools.cache
def _no_mount_namespace():
    answer = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True)
    return None if answer.returncode == 0 else "needs mount and pid namespaces"


def _no_cgroup(version):
    return None if cgroup_root(version) else f"no cgroup v{version} hierarchy that can be written"


REQUIREMENTS = {
    "root": _no_root,
    "bpf": _no_bpf,
    "namespaces": _no_mount_namespace,
    "cgroup1": lambda: _no_cgroup(1),
    "cgroup2": lambda: _no_cgroup(2),
    "memory_cgroup": lambda: None if memory_root() else "no cgroup that limits memory can be made",
    "btf": lambda: None if Path("/sys/kernel/btf/vmlinux").exists() else "needs the kernel's BTF",
    "two cpus": lambda: None if os.cpu_count() > 1 else "needs two CPUs",
}


def missing(requirement):
    """Why the requirement is not met here, or None. An unknown word is a program that must exist."""
    return REQUIREMENTS.get(requirement, lambda: _no_program(requirement))()


# --- commands that start pprofd on a lesser machine -------------------------------------------------

def as_nobody(*capabilities):
    """A prefix that runs a program as user 65534, with some capabilities (setpriv's names) kept."""
    kept = ",".join(f"+{name}" for name in capabilities)
    keep = [f"--inh-caps={kept}", f"--ambient-caps={kept}"] if kept else ["--inh-caps=-all"]
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *keep]


def without_memlock():
    """RLIMIT_MEMLOCK at nothing, and no right to raise it."""
    return ["setpriv", "--bounding-set=-sys_resource", "prlimit", "--memlock=0:0"]


def in_mount_namespace(script):
    """A prefix that runs a shell script of mounts in a new mount namespace, then the program."""
    return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", f'{script}\nexec "$@"', "sh"]


def without_tracefs():
    return in_mount_namespace(
        "for d in /sys/kernel/tracing /sys/kernel/debug; do [ -d $d ] && mount -t tmpfs none $d; done")


def without_btf():
    return in_mount_namespace("mount -t tmpfs none /sys/kernel/btf")


# --- mounts and cgroups -----------------------------------------------------------------------------

@contextlib.contextmanager
def small_tmpfs(folder, size):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", folder])
    try:
        yield folder
    finally:
        run(["umount", "--lazy", folder])


def cgroup_root(version, controllers=("pids", "freezer")):
    """A hierarchy of that version under which folders can be made, or None. Of v1's, one with any of the
    controllers; these need no settings before a process may enter (cpuset does)."""
    if os.geteuid() != 0:
        return None
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, folder, kind, options, *_ = line.split()
        if kind == ("cgroup2" if version == 2 else "cgroup") and os.access(folder, os.W_OK):
            if version == 2 or set(controllers) & set(options.split(",")):
                return Path(folder)
    return None


@contextlib.contextmanager
def cgroup(version, name=None):
    """A new cgroup; yields its folder. Processes left in it go back to the root."""
    with _new_cgroup(cgroup_root(version), name) as folder:
        yield folder


def memory_root():
    """Where a cgroup with a limit of memory can be made, or None."""
    second = cgroup_root(2)
    if second and "memory" in (second / "cgroup.subtree_control").read_text().split():
        return second
    return cgroup_root(1, ("memory",))


@contextlib.contextmanager
def memory_cgroup(limit):
    """A new cgroup whose processes have at most `limit` bytes; yields its folder."""
    with _new_cgroup(memory_root()) as folder:
        for name, value in (("memory.limit_in_bytes", limit), ("memory.memsw.limit_in_bytes", limit),
                            ("memory.max", limit), ("memory.swap.max", 0)):
            if (folder / name).exists():
                (folder / name).write_text(str(value))
        yield folder


@contextlib.contextmanager
def _new_cgroup(root, name=None):
    folder = root / (name or f"pprofd-test-{uuid.uuid4().hex[:8]}")
    folder.mkdir()
    try:
        yield folder
    finally:
        for pid in (folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):
                (root / "cgroup.procs").write_text(pid)
        wait_until(lambda: _try_rmdir(folder), f"rmdir {folder}")


def _try_rmdir(folder):
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not folder.exists()


def enter_cgroup(folder, pid):
    (Path(folder) / "cgroup.procs").write_text(str(pid))


# --- eBPF objects -----------------------------------------------------------------------------------

def bpf_ids_of(pid):
    """What a process holds of eBPF by its descriptors: {(kind, id)}; kind is prog, map or link."""
    found = set()
    for entry in Path(f"/proc/{pid}/fdinfo").glob("*"):
        with contextlib.suppress(OSError):
            found |= set(re.findall(r"^(prog|map|link)_id:\s*(\d+)$", entry.read_text(), re.M))
    return found


def maps_of(pid):
    """{name: id} of the BPF maps that a process holds."""
    ids = {number for kind, number in bpf_ids_of(pid) if kind == "map"}
    answer = json.loads(run([bpftool(), "-j", "map", "show"]))
    return {entry["name"]: entry["id"] for entry in answer if str(entry["id"]) in ids}


def entries_of(map_id):
    """[(key, value)] of a map, as bytes."""
    answer = json.loads(run([bpftool(), "-j", "map", "dump", "id", map_id], seconds=60) or "[]")
    return [tuple(bytes(int(byte, 16) for byte in entry[part]) for part in ("key", "value")) for entry in answer]


def bpf_objects(kind):
    """The ids of all programs, links or maps on the machine."""
    answer = run([bpftool(), "-j", kind, "show"])
    return {str(entry["id"]) for entry in json.loads(answer or "[]")}


def bpftool():
    return shutil.which("bpftool") or "/usr/sbin/bpftool"


def kernel_release():
    return platform.release()
