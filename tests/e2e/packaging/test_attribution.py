"""Pods, containers and units of processes, by the cgroups that each runtime makes for them."""
import contextlib

import pytest

from harness import pprof, system
from harness.paths import PPROFD, workload
from harness.processes import run, start_workload, wait_until

pytestmark = pytest.mark.requires("root", "bpf")

POD = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
SLICE = POD.replace("-", "_")
# Where runtimes put a container, by the kubelet's drivers, below other cgroups, and without pods.
LAYOUTS = {
    "containerd, systemd": (f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{SLICE}.slice/cri-containerd-{{id}}.scope", POD),
    "CRI-O, systemd": (f"kubepods.slice/kubepods-pod{SLICE}.slice/crio-{{id}}.scope", POD),
    "docker, systemd": (f"kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{SLICE}.slice/docker-{{id}}.scope", POD),
    "cgroupfs": (f"kubepods/burstable/pod{POD}/{{id}}", POD),
    "nested": (f"system.slice/docker-{'e' * 64}.scope/kubepods/besteffort/pod{POD}/{{id}}", POD),
    "docker alone": ("docker/{id}", None),
    "podman": ("machine.slice/libpod-{id}.scope", None),
}


@contextlib.contextmanager
def nested_cgroup(root, path):
    """A cgroup below new ones; all go again."""
    made = []
    folder = root
    try:
        for part in path.split("/"):
            folder /= part
            if not folder.exists():
                folder.mkdir()
                made.append(folder)
        yield folder
    finally:
        for each in reversed(made):
            wait_until(lambda each=each: system._try_rmdir(each), f"rmdir {each}")


@pytest.mark.parametrize("version", [1, 2])
def test_each_runtime(tmp_path, version):
    """Container and pod of every layout."""
    root = system.cgroup_root(version)
    if root is None:
        pytest.skip(f"no cgroup v{version} hierarchy that can be written")
    targets = {}
    with contextlib.ExitStack() as short:
        for number, (name, (layout, pod)) in enumerate(LAYOUTS.items(), 1):
            container = f"{number:x}" * 64
            folder = short.enter_context(nested_cgroup(root, layout.format(id=container)))
            target = short.enter_context(start_workload(workload("burn"), 0))
            system.enter_cgroup(folder, target.pid)
            targets[target.pid] = (name, container, pod)
        run([PPROFD, "record", "--pid", ",".join(map(str, targets)), "--duration", "1", "--output", f"{tmp_path}/out/",
             "--top", "0"], seconds=60)
    profiles = {int(profile.facts["pid"]): profile for profile in map(pprof.read, (tmp_path / "out").glob("*.pb.gz"))}
    assert set(profiles) == set(targets)
    for pid, (name, container, pod) in targets.items():
        assert profiles[pid].facts.get("container.id") == container, name
        assert profiles[pid].facts.get("k8s.pod.uid") == pod, name


def test_a_container_that_is_gone_keeps_its_name(tmp_path):
    """A container that ends, with its cgroup, before the recording does, is named in its profile all the same."""
    version = 2 if system.cgroup_root(2) else 1
    root = system.cgroup_root(version)
    if root is None:
        pytest.skip("no cgroup hierarchy that can be written")
    container = "f" * 64
    path = f"kubepods.slice/kubepods-pod{SLICE}.slice/cri-containerd-{container}.scope"
    # The command's own shell stays outside; it ends after the container and its cgroup.
    script = f"""
        sh -c 'echo $$ > {root}/{path}/cgroup.procs; exec timeout 0.5 {workload("burn")} 0' || true
        rmdir {root}/{path}
    """
    with nested_cgroup(root, path):
        run([PPROFD, "record", "--as-root", "--frequency", "499", "--output", f"{tmp_path}/out/", "--top", "0", "--", "sh", "-c",
             script], seconds=60)
    found = [profile for profile in map(pprof.read, (tmp_path / "out").glob("*.pb.gz"))
             if profile.facts.get("container.id") == container]
    assert found and all(profile.facts["k8s.pod.uid"] == POD for profile in found)
    assert sum(profile.cumulative("burn_cpu") for profile in found) > 0
