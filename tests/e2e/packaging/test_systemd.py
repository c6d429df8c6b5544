"""The unit under systemd's own checks, and in a systemd that runs."""
import contextlib
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from harness import documents, roots
from harness.paths import ROOT
from harness.processes import Process, Timeout, children_of, wait_until
from harness.service import UnixConnection

pytestmark = pytest.mark.requires("root", "namespaces", "systemd-analyze")
EXAMPLES = sorted(path.name for path in (ROOT / "systemd/examples").glob("*.conf") if not path.name[0].isdigit())
UNIT = "/usr/lib/systemd/system/pprofd.service"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The unit and its user at their places, with a program that may be executed."""
    root = roots.overlay_root(tmp_path_factory.mktemp("unit"))
    root.put(ROOT / "systemd/pprofd.service", UNIT)
    root.put(ROOT / "systemd/pprofd.sysusers", "/usr/lib/sysusers.d/pprofd.conf")
    root.put(ROOT / "systemd/pprofd.tmpfiles", "/usr/lib/tmpfiles.d/pprofd.conf")
    root.put(ROOT / "systemd/pprofd.preset", "/usr/lib/systemd/system-preset/80-pprofd.preset")
    root.sh("install -m 755 /bin/true /usr/bin/pprofd; rm -rf /etc/systemd/system/pprofd.service.d")
    return root


@pytest.fixture
def drop_in(root):
    """Puts an example at its place; it is gone after the test."""
    folder = "/etc/systemd/system/pprofd.service.d"

    def put(name):
        root.sh(f"mkdir -p {folder}")
        root.put(ROOT / "systemd/examples" / name, f"{folder}/{name}")

    yield put
    root.sh(f"rm -rf {folder}")


def exposure(root):
    text = root.run("systemd-analyze", "security", "--offline=yes", "--no-pager", "pprofd.service")
    return float(re.search(r"exposure level for pprofd.service: ([\d.]+)", text)[1])


def test_the_unit_is_right(root):
    """systemd finds nothing to complain of."""
    assert root.run("systemd-analyze", "verify", "--man=no", "pprofd.service") == ""


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_drop_ins_are_right(root, drop_in, name):
    """So it is with each example beside it; where it is to live is said in its first line."""
    assert (ROOT / "systemd/examples" / name).read_text().startswith(
        f"# /etc/systemd/system/pprofd.service.d/{name}: ")
    drop_in(name)
    assert root.run("systemd-analyze", "verify", "--man=no", "pprofd.service") == ""


def test_exposure(root, drop_in):
    """systemd's own measure is 3.0 or less; as root it is little worse."""
    assert exposure(root) <= 3.0
    drop_in("root.conf")
    assert exposure(root) <= 3.5


def test_drop_ins_add_to_the_capabilities(root, drop_in):
    """A drop-in's capabilities come to those of the unit, which are those that sampling needs and no more."""
    text = (ROOT / "systemd/pprofd.service").read_text()
    held = re.search(r"(?m)^AmbientCapabilities=(.*)$", text)[1].split()
    assert held == re.search(r"(?m)^CapabilityBoundingSet=(.*)$", text)[1].split()
    facts = {"CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_CHECKPOINT_RESTORE", "CAP_SYSLOG"}
    assert set(held) == facts | {"CAP_SETUID", "CAP_SETGID"}

    def is_kept_from(capability):
        rows = json.loads(root.run("systemd-analyze", "security", "--offline=yes", "--json=short", "pprofd.service"))
        return next(row["set"] for row in rows if capability in row["name"])

    assert is_kept_from("CAP_SYS_ADMIN") and not is_kept_from("CAP_SYS_PTRACE")
    drop_in("cap-sys-admin.conf")
    assert not is_kept_from("CAP_SYS_ADMIN") and not is_kept_from("CAP_SYS_PTRACE")


def test_user_and_folders(root):
    """sysusers makes a user that nobody can log in as, tmpfiles folders that are its own; twice is as once."""
    for _ in range(2):
        root.sh("systemd-sysusers pprofd.conf; systemd-tmpfiles --create pprofd.conf")
        assert root.run("getent", "passwd", "pprofd").rstrip().endswith(":/var/lib/pprofd:/usr/sbin/nologin")
        assert root.run("stat", "-c", "%U:%G %a", "/var/lib/pprofd", "/var/cache/pprofd") == "pprofd:pprofd 750\n" * 2


def test_the_preset_enables_it(root):
    root.run("systemctl", "--root=/", "preset", "pprofd.service")
    assert root.has("/etc/systemd/system/multi-user.target.wants/pprofd.service")


# --- in a systemd that runs ---------------------------------------------------------------------------

CAPABILITIES = {"bpf": 39, "perfmon": 38, "sys_ptrace": 19, "dac_read_search": 2, "checkpoint_restore": 40,
                "syslog": 34, "setuid": 7, "setgid": 6}
KILL = 5
SYS_ADMIN = 21
EXPECTED = sum(1 << number for number in CAPABILITIES.values())


class Machine:
    """A booted root. Its first process and all that it starts end with it."""

    def __init__(self, root):
        # Beside what nspawn leaves a machine's first process by itself.
        capabilities = ",".join(f"CAP_{name.upper()}" for name in CAPABILITIES)
        self.process = Process(
            ["env", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1", "systemd-nspawn", "--quiet", "-D", root.folder,
             "--register=no", "--keep-unit", "--private-network", f"--capability={capabilities}",
             "--system-call-filter=bpf perf_event_open", "--bind-ro=/sys/kernel/btf", "--console=pipe", "--boot"])
        self.leader = None

    def boot(self):
        def first():
            # nspawn's own child comes before it and goes.
            return [pid for pid in children_of(self.process.pid)
                    if Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].endswith(b"/systemd")]
        self.leader = wait_until(first, "the machine's first process", 30)[0]
        wait_until(lambda: self.run("systemctl", "is-system-running", check=False).strip() in ("running", "degraded"),
                   "the end of the boot", 60, 0.2)

    def run(self, *command, check=True):
        answer = subprocess.run(["nsenter", "-t", str(self.leader), "-a", *command], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=60, env=roots.QUIET)
        assert not check or answer.returncode == 0, answer.stdout + answer.stderr + self.journal()
        return answer.stdout

    def journal(self):
        return self.run("journalctl", "-u", "pprofd", "-n", "40", "--no-pager", check=False)

    def show(self, name):
        return self.run("systemctl", "show", "pprofd", "-P", name).strip()

    def wait_active(self):
        wait_until(lambda: self.show("ActiveState") == "active", "the service\n" + self.journal(), 60, 0.1)

    def status(self):
        """{field: text} of the daemon's /proc/PID/status."""
        text = self.run("cat", f"/proc/{self.show('MainPID')}/status")
        return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)

    def metrics(self):
        path = f"/proc/{self.leader}/root/run/pprofd/pprofd.sock"
        with contextlib.closing(UnixConnection(path, 20)) as connection:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()

    def power_off(self):
        if self.leader is not None:
            os.kill(self.leader, signal.SIGRTMIN + 4)
            with contextlib.suppress(Timeout):
                self.process.wait(30)
        self.process.kill()


@pytest.fixture
def machine(tmp_path):
    deb = roots.pack("DEB")
    depends = subprocess.run(["dpkg-deb", "-f", deb, "Depends"], check=True, capture_output=True, text=True).stdout
    needed = [word.split()[0] for word in depends.split(",")]
    root = roots.debian_root(tmp_path, "bookworm", ["systemd", "systemd-sysv", "dbus", "curl", *needed])
    root.run("dpkg", "--install", root.put(deb, "/tmp/pprofd.deb"))
    machine = Machine(root)
    try:
        machine.boot()
        yield machine
    finally:
        machine.power_off()


# What a test starts ends with it: one test is a machine's whole life.
@pytest.mark.long
@pytest.mark.requires("bpf", "systemd-nspawn", "mmdebstrap", "nsenter", "cpack")
def test_a_machine_from_boot_to_removal(machine):
    """Started at boot by what the package installed, as the unit says; killed, reloaded, misconfigured, as root."""
    runs_as_its_user(machine)
    is_restarted_when_killed(machine)
    reloads(machine)
    stops_in_order(machine)
    says_once_what_is_wrong(machine)
    runs_as_root_and_back(machine)
    does_as_documented(machine)
    goes_with_its_package(machine)


def does_as_documented(machine):
    """The commands of the READMEs, in their order."""
    for block in documents.blocks("booted"):
        machine.run("bash", "-euc", 'sudo() { "$@"; }\n' + block.text)
    machine.wait_active()
    assert int(machine.status()["CapEff"], 16) == EXPECTED | 1 << SYS_ADMIN


def runs_as_its_user(machine):
    machine.wait_active()
    assert machine.show("StatusText")
    status = machine.status()
    assert set(status["Uid"].split()) == {machine.run("id", "-u", "pprofd").strip()}
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == EXPECTED
    assert status["NoNewPrivs"] == "1"
    assert "pprofd_samples_total" in machine.metrics()


def is_restarted_when_killed(machine):
    before, restarts = machine.show("MainPID"), int(machine.show("NRestarts"))
    machine.run("systemctl", "kill", "--signal=KILL", "--kill-whom=main", "pprofd")
    wait_until(lambda: int(machine.show("NRestarts")) == restarts + 1, "a restart", 60, 0.1)
    machine.wait_active()
    assert machine.show("MainPID") != before and "pprofd_samples_total" in machine.metrics()


def reloads(machine):
    before = machine.show("MainPID")
    machine.run("sed", "-i", "1i frequency = 23", "/etc/pprofd/pprofd.toml")
    machine.run("systemctl", "reload", "pprofd")
    machine.wait_active()
    assert machine.show("MainPID") == before
    wait_until(lambda: "frequency=23" in machine.journal() or "reload" in machine.journal(), "the reload in the journal")


def stops_in_order(machine):
    """The window that runs is stored: the process that does it is not ended before the daemon."""
    count = "find /var/lib/pprofd/store -name '*.pb.gz' | wc -l"
    before = int(machine.run("sh", "-c", count))
    machine.run("systemctl", "stop", "pprofd")
    assert int(machine.run("sh", "-c", count)) > before
    assert machine.show("Result") == "success"
    assert "ended and is started again" not in machine.journal()
    machine.run("systemctl", "start", "pprofd")


def says_once_what_is_wrong(machine):
    """A wrong configuration does not start, is not tried again and again, and starts when it is right."""
    machine.run("sed", "-i", "1i frequncy = 1", "/etc/pprofd/pprofd.toml")
    machine.run("systemctl", "restart", "pprofd", check=False)
    assert machine.show("ActiveState") == "failed" and machine.show("ExecMainStatus") == "2"
    assert "did you mean frequency?" in machine.journal()
    machine.run("sed", "-i", "1d", "/etc/pprofd/pprofd.toml")
    machine.run("systemctl", "reset-failed", "pprofd")
    machine.run("systemctl", "start", "pprofd")
    machine.wait_active()


def runs_as_root_and_back(machine):
    """With the example `root.conf` it runs as root with those capabilities and CAP_KILL; its profiles stay readable."""
    folder = "/etc/systemd/system/pprofd.service.d"
    machine.run("sh", "-ec", f"mkdir -p {folder}; cp /usr/share/doc/pprofd/examples/root.conf {folder}; "
                "systemctl daemon-reload; systemctl restart pprofd")
    machine.wait_active()
    status = machine.status()
    assert set(status["Uid"].split()) == {"0"} and not int(status["CapAmb"], 16)
    assert int(status["CapBnd"], 16) == EXPECTED | 1 << KILL
    assert "pprofd_samples_total" in machine.metrics()
    machine.run("sh", "-ec", f"rm {folder}/root.conf; systemctl daemon-reload; systemctl restart pprofd")
    machine.wait_active()
    assert set(machine.status()["Uid"].split()) != {"0"}
    assert "pprofd_samples_total" in machine.metrics()


def goes_with_its_package(machine):
    """Removed, the service has ended and will not come back."""
    machine.run("dpkg", "--remove", "pprofd")
    assert machine.run("systemctl", "is-active", "pprofd", check=False).strip() in ("inactive", "failed")
    assert not machine.run("sh", "-c", "cat /proc/[0-9]*/comm | grep -x pprofd || true").strip()
