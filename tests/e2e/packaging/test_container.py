"""The image, built without a network, run by podman with what the DaemonSet asks for."""
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest

from harness import kubernetes, pprof
from harness.paths import ROOT, workload
from harness.processes import Process, children_of, start_workload, wait_until
from harness.service import UnixConnection

pytestmark = [pytest.mark.long, pytest.mark.requires("root", "bpf", "podman", "runc")]
USER = 65532


class Podman:
    def __init__(self, folder):
        self._command = ["podman", "--root", folder / "storage", "--runroot", folder / "run", "--cgroup-manager=cgroupfs",
                         "--runtime", ROOT / "tests/e2e/harness/oci-runtime.sh"]

    def command(self, *arguments):
        return [str(part) for part in (*self._command, *arguments)]

    def run(self, *arguments, check=True):
        answer = subprocess.run(self.command(*arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=180)
        assert not check or answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout


@pytest.fixture(scope="module")
def podman():
    # podman's folder for what runs may have 50 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="podman-"))
    podman = Podman(folder)
    subprocess.run([ROOT / "packaging/container/make-root.sh", ROOT / "build/release/pprofd", folder / "image"],
                   check=True, stdin=subprocess.DEVNULL, timeout=60)
    podman.run("build", "--quiet", "--network=none", "--tag=localhost/pprofd", folder / "image")
    yield podman
    podman.run("rmi", "--all", "--force", check=False)
    for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
        if str(folder) in line.split()[1]:
            subprocess.run(["umount", "--lazy", line.split()[1]], check=False)
    shutil.rmtree(folder)


def daemon_set():
    document = kubernetes.base()["DaemonSet"]
    return document, document["spec"]["template"]["spec"]["containers"][0]


def capabilities():
    return [f"--cap-add={name}" for name in daemon_set()[1]["securityContext"]["capabilities"]["add"]]


@contextlib.contextmanager
def as_in_the_cluster(podman, tmp_path):
    """A container with the security context, mounts and configuration of the DaemonSet; yields (process, folder of /run)."""
    _, one = daemon_set()
    folders = {mount["name"]: mount for mount in one["volumeMounts"]}
    mounts = []
    for name, mount in folders.items():
        source = tmp_path / name
        source.mkdir()
        source.chmod(0o755)
        mounts.append(f"--volume={source}:{mount['mountPath']}:{'ro' if mount.get('readOnly') else 'rw'}")
    (tmp_path / "config/pprofd.toml").write_text(
        (kubernetes.MANIFESTS / "base/pprofd.toml").read_text() + '\n[store]\nretention = "1d"\n')
    name = f"pprofd-{uuid.uuid4().hex[:8]}"
    # podman's own filter of system calls refuses bpf even with the capability; containerd's does not.
    command = podman.command("run", "--rm", f"--name={name}", "--network=none", "--pid=host", "--read-only",
                             "--read-only-tmpfs=false", f"--user={one['securityContext']['runAsUser']}", "--cap-drop=all",
                             *capabilities(), "--security-opt=no-new-privileges", "--security-opt=seccomp=unconfined",
                             "--env=PPROFD_LABELS=node=here", *mounts, "localhost/pprofd", *one["args"])
    with open(tmp_path / "log", "wb") as log:
        process = Process(command, stdout=log, stderr=log)
    try:
        yield name, tmp_path
    finally:
        podman.run("rm", "--force", "--time=10", name, check=False)
        process.kill()


def ask(folder, path):
    with contextlib.closing(UnixConnection(folder / "run/pprofd.sock", 60)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_the_image_is_small_and_not_root(podman):
    """Nothing in it but the program and its libraries; by itself it runs as a user without privileges."""
    config = json.loads(podman.run("image", "inspect", "localhost/pprofd"))[0]
    assert config["Config"]["User"] == f"{USER}:{USER}"
    assert config["Size"] < 60e6
    assert podman.run("run", "--rm", "--network=none", "localhost/pprofd", "--version").startswith("pprofd ")
    answer = subprocess.run(podman.command("run", "--rm", "--network=none", "--entrypoint=/bin/sh", "localhost/pprofd"),
                            capture_output=True, text=True, timeout=60)
    assert answer.returncode == 127, answer.stderr


def test_runs_as_in_the_cluster(podman, tmp_path):
    """Ready, it samples the machine's processes, and its unprivileged process is another user without capabilities."""
    with start_workload(workload("burn"), 0) as target, as_in_the_cluster(podman, tmp_path) as (name, folder):
        log = folder / "log"
        wait_until(lambda: b"msg=sampling" in log.read_bytes() or b"error" in log.read_bytes(), "the service", 60, 0.1)
        assert b"error" not in log.read_bytes(), log.read_text()
        assert ask(folder, "/-/ready")[0] == ask(folder, "/-/healthy")[0] == 200
        status, body = ask(folder, f"/debug/pprof/profile?seconds=1&pid={target.pid}")
        assert status == 200, body
        (folder / "taken.pb.gz").write_bytes(body)
        profile = pprof.read(folder / "taken.pb.gz")
        assert profile.cumulative("burn_cpu") > 0
        pid = int(podman.run("inspect", "--format={{.State.Pid}}", name))
        daemon = Path(f"/proc/{pid}/status").read_text()
        assert re.search(r"NoNewPrivs:\s*1", daemon)
        children = {child: Path(f"/proc/{child}/status").read_text() for child in children_of(pid)}
        assert len(children) >= 2
        for text in children.values():
            assert re.search(rf"Uid:\s*{USER}\s", text) and re.search(r"CapEff:\s*0+\n", text), text
        assert os.stat(folder / "state/store").st_uid == USER


def test_records_without_root(podman, tmp_path):
    """Where the runtime gives capabilities to users it samples as its own user."""
    tmp_path.chmod(0o777)
    with start_workload(workload("burn"), 0) as target:
        podman.run("run", "--rm", "--network=none", "--pid=host", "--cap-drop=all", *capabilities(),
                   "--security-opt=seccomp=unconfined", f"--volume={tmp_path}:/out", "localhost/pprofd", "record",
                   "--pid", target.pid, "--duration", "1", "--output", "/out/profile.pb.gz")
    assert os.stat(tmp_path / "profile.pb.gz").st_uid == USER
    assert pprof.read(tmp_path / "profile.pb.gz").cumulative("burn_cpu") > 0
