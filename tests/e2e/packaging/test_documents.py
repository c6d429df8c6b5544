"""What the READMEs about installing say: every command of theirs is run, every message is one that is said."""
import subprocess
from pathlib import Path

import pytest

from harness import documents, kubernetes, roots
from harness.paths import ROOT

# Where blocks are run: here, in the booted machine of test_systemd.py, or not at all.
HERE = {"deb", "rpm", "sources", "kustomize", "helm"}
ELSEWHERE = {"booted"}
# What others say: systemd, Kubernetes, the dynamic linker, the kernel.
OTHERS = {"Start request repeated too quickly", "status=226/NAMESPACE", "code=killed, status=6/ABRT", "watchdog timeout",
          "violates PodSecurity", "OOMKilled", "no space left on device", "Permission denied", "Operation not permitted", "kubectl logs", "/run/pprofd", "pprofd doctor",
          "perf_event_open"}

# Roots have one user, and no systemd that runs.
PRELUDE = '''
sudo() { "$@"; }
systemctl() { command systemctl --root=/ "$@"; }
dnf() { for package; do :; done; rpm --upgrade --nodeps "$package"; }
mkdir -p /tmp/document && cd /tmp/document
'''


def ids(block):
    return str(block)


def run_in_root(root, block, prelude=PRELUDE):
    return root.run("bash", "-euc", prelude + block.text, seconds=180)


def test_every_command_says_where_it_is_run():
    for block in documents.blocks():
        assert block.place in HERE | ELSEWHERE or block.place.startswith("none: "), f"{block}: {block.place or 'nowhere'}"


@pytest.mark.parametrize("document, message", sorted(set(documents.messages())))
def test_messages_are_said(document, message):
    """A message that a table of troubles quotes is in the sources, or is another program's."""
    if message in OTHERS:
        return
    parts = [part.strip() for part in message.split("…")]
    for part in parts:
        # Numbers and folders come from elsewhere.
        words = part.rstrip("0123456789 ").removesuffix("/var/lib/pprofd").strip()
        answer = subprocess.run(["grep", "-rqF", "--include=*.cc", "--include=*.h", "--include=postinst", "--include=*.sh", "--",
                                 words, ROOT / "daemon", ROOT / "symbolizer", ROOT / "packaging"])
        assert answer.returncode == 0 or said_by_deb(words), f"{document}: nobody says {words!r}"


def said_by_deb(words):
    return words in (ROOT / "packaging/deb/postinst").read_text().replace("$level", "")


@pytest.fixture(scope="module")
def deb():
    return roots.pack("DEB")


@pytest.mark.long
@pytest.mark.requires("root", "namespaces", "cpack")
@pytest.mark.parametrize("block", documents.blocks("deb"), ids=ids)
def test_deb(tmp_path, deb, block):
    root = roots.overlay_root(tmp_path)
    root.sh("mkdir -p /tmp/document")
    root.put(deb, f"/tmp/document/{deb.name}")
    run_in_root(root, block)


@pytest.mark.long
@pytest.mark.requires("root", "namespaces", "cpack", "rpm")
@pytest.mark.parametrize("block", documents.blocks("rpm"), ids=ids)
def test_rpm(tmp_path, block):
    root = roots.overlay_root(tmp_path)
    package = roots.pack("RPM")
    root.sh("mkdir -p /tmp/document; rpm --initdb")
    root.put(package, f"/tmp/document/{package.name}")
    run_in_root(root, block)


@pytest.mark.requires("root", "namespaces")
@pytest.mark.parametrize("block", documents.blocks("sources"), ids=ids)
def test_sources(tmp_path, block):
    """From the sources' folder, as a reader would."""
    root = roots.overlay_root(tmp_path)
    run_in_root(root, block, f"{PRELUDE}\ncd {ROOT}\n")
    assert root.has("/etc/systemd/system/multi-user.target.wants/pprofd.service")


@pytest.mark.long
@pytest.mark.parametrize("block", documents.blocks("kustomize", "helm"), ids=ids)
def test_manifests(tmp_path, block):
    """kubectl's kustomize and helm without a cluster: what would be sent is valid."""
    (tmp_path / "packaging").symlink_to(ROOT / "packaging")
    kubernetes.helm("version")
    kubernetes.kustomize(kubernetes.MANIFESTS / "base")
    tools = Path(kubernetes.TOOLS) / "bin"
    prelude = (f'kubectl() {{ [ "$1 $2" = "apply -k" ] && {tools}/kustomize build "$3"; }}\n'
               f'helm() {{ shift; {tools}/helm template "$@"; }}\n')
    answer = subprocess.run(["bash", "-euc", prelude + block.text], cwd=tmp_path, capture_output=True, text=True,
                            timeout=60)
    assert answer.returncode == 0, answer.stderr
    sent = [each for each in kubernetes.documents(answer.stdout) if each["kind"] != "ServiceMonitor"]
    assert kubernetes.faults(sent, "1.37") == "" and "registry.example/pprofd:0.1.0" in answer.stdout
