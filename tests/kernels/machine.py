"""Virtual machines for one kernel and one script: Debian's kernel, an initial file system with busybox,
pprofd, its shared libraries and the workloads, and nothing else. No KVM, no disk, no network: qemu's
own translation, and a serial port each for the console and the results."""
import functools
import gzip
import io
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from harness.paths import PPROFD, ROOT, WORKLOADS, workload
from harness.processes import Process, run

STORE = ROOT / "build" / "kernels"
BOOT_AND_SMOKE_SECONDS = 240

# The newest of each series that Debian 12 offers (6.12: from its security archive's backports).
SERIES = {
    "6.1": r"linux-image-6\.1\.0-\d+-cloud-amd64",
    "6.12": r"linux-image-6\.12\.\d+\+deb12-cloud-amd64",
}

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t tmpfs none /tmp
mkdir -p /tmp/out
sh /smoke.sh /usr/bin/pprofd /workloads /tmp/out
sh /late_cpu.sh /usr/bin/pprofd /workloads /tmp/out
stty raw -F /dev/ttyS1
tar -C /tmp/out -cf - . | gzip -1 > /dev/ttyS1
sync
poweroff -f
"""


class Unavailable(Exception):
    """The kernel can't be had here."""


def _newest_package(pattern):
    names = run(["apt-cache", "pkgnames", "linux-image-6."]).split()
    found = [name for name in names if re.fullmatch(pattern, name)]
    return max(found, key=lambda name: [int(number) for number in re.findall(r"\d+", name)], default=None)


@functools.cache
def _refresh_package_lists():
    subprocess.run(["apt-get", "-q", "update"], capture_output=True, timeout=300)


def kernel_image(series):
    """The path of a bootable kernel of a series, fetched from Debian once."""
    package = _newest_package(SERIES[series])
    if not package:
        _refresh_package_lists()
        package = _newest_package(SERIES[series])
    if not package:
        raise Unavailable(f"apt offers no kernel {series}")
    image = STORE / package / "vmlinuz"
    if image.exists():
        return image
    folder = image.parent
    folder.mkdir(parents=True, exist_ok=True)
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if answer.returncode != 0:
        _refresh_package_lists()
        answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if answer.returncode != 0:
        raise Unavailable(f"{package} could not be fetched: {answer.stderr.strip()[-200:]}")
    archive = next(folder.glob("*.deb"))
    content = subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(content)) as files:
        member = next(m for m in files if re.fullmatch(r"\./boot/vmlinuz-.*", m.name))
        partial = folder / "vmlinuz.part"
        partial.write_bytes(files.extractfile(member).read())
    partial.rename(image)
    archive.unlink()
    return image


def _libraries(program):
    """The shared libraries of a program, by ldd."""
    text = run(["ldd", program], check=False)
    return {Path(path) for path in re.findall(r"(/\S+) \(0x", text)}


def initramfs(path):
    """Packs the initial file system."""
    root = path.parent / "root"
    for folder in ("bin", "proc", "sys", "dev", "tmp", "usr/bin", "workloads"):
        (root / folder).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), root / "bin/busybox")
    (root / "init").write_text(INIT)
    (root / "init").chmod(0o755)
    for script in ("smoke.sh", "late_cpu.sh"):
        shutil.copy(ROOT / "tests/kernels" / script, root)
    run(["strip", "-g", "-o", root / "usr/bin/pprofd", PPROFD])
    programs = [workload("three_functions"), workload("burn")]
    for program in programs:
        shutil.copy(program, root / "workloads")
    for library in set().union(*map(_libraries, [PPROFD, *programs])):
        target = root / str(library).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library.resolve(), target)
    with open(path, "wb") as archive:
        names = subprocess.run(["find", ".", "-print0"], cwd=root, capture_output=True, check=True).stdout
        subprocess.run(["cpio", "--null", "--create", "--format=newc", "--quiet"], cwd=root, input=names,
                       stdout=archive, check=True)
    shutil.rmtree(root)


def boot_and_smoke(series, folder):
    """Boots the kernel, runs both scripts in it, and unpacks their results into `folder`."""
    image = kernel_image(series)
    initial = folder / "initramfs"
    initramfs(initial)
    console, results = folder / "console", folder / "results"
    command = [
        "qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max,-pku", "-smp", "2", "-m", "1024",
        "-display", "none", "-no-reboot", "-nic", "none", "-monitor", "none", "-kernel", image, "-initrd", initial,
        "-append", "console=ttyS0 quiet panic=-1", "-serial", f"file:{console}", "-serial", f"file:{results}",
    ]
    with Process(command) as machine:
        try:
            machine.wait(BOOT_AND_SMOKE_SECONDS)
        except AssertionError as timeout:
            raise AssertionError(f"{timeout}\n{_tail(console)}") from None
    initial.unlink()
    out = folder / "out"
    try:
        with tarfile.open(fileobj=gzip.open(results)) as archive:
            archive.extractall(out)
    except (OSError, EOFError, tarfile.TarError) as error:
        raise AssertionError(f"no results from the machine: {error}\n{_tail(console)}") from None
    return out


def smoke_on_host(folder):
    """Runs smoke.sh here."""
    out = folder / "out"
    run(["sh", ROOT / "tests/kernels/smoke.sh", PPROFD, WORKLOADS, out], seconds=120)
    return out


def _tail(path):
    return path.read_text(errors="replace")[-3000:] if path.exists() else "(no console)"


def qemu_missing():
    for program in ("qemu-system-x86_64", "busybox", "cpio", "dpkg-deb", "apt-get"):
        if not shutil.which(program):
            return f"needs the program {program}"
    return None if os.uname().machine == "x86_64" else "needs an x86-64 host"
