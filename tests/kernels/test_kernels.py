"""The same smoke test on each kernel of the matrix: Debian's 6.1 and 6.12 in a virtual machine, and the
one that runs here. What is expected of the numbers is less strict in a machine without hardware."""
from concurrent.futures import Future

import pytest
from harness import pprof, readers, system, validity
from harness.statistics import assert_count, assert_share

import machine

pytestmark = pytest.mark.requires("bpf")
KERNELS = ["host", *machine.SERIES]


def smoke_on(kernel, folder):
    if kernel == "host":
        return machine.smoke_on_host(folder)
    if why := machine.qemu_missing():
        pytest.skip(why)
    try:
        return machine.boot_and_smoke(kernel, folder)
    except machine.Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def outcomes():
    """{kernel: its run, or how that failed}. Each runs once, in whatever order the tests ask for them."""
    return {}


@pytest.fixture(params=KERNELS)
def smoke(request, outcomes, tmp_path_factory):
    """The folder of smoke.sh's results on one kernel."""
    kernel = request.param
    if kernel not in outcomes:
        outcomes[kernel] = Future()
        try:
            outcomes[kernel].set_result(smoke_on(kernel, tmp_path_factory.mktemp(f"kernel-{kernel}")))
        except BaseException as error:  # a skip is one
            outcomes[kernel].set_exception(error)
    return outcomes[kernel].result()


def status_of(smoke, name):
    return int((smoke / f"{name}.status").read_text())


def explain(smoke, name):
    return (smoke / f"{name}.err").read_text() + (smoke / f"{name}.out").read_text(errors="replace")


def checked(path, merged=False):
    profile = pprof.read(path)
    validity.check(profile, merged=merged)
    readers.check_accepted([path])
    return profile


def test_doctor(smoke):
    """doctor finds everything that is needed."""
    assert status_of(smoke, "doctor") == 0, explain(smoke, "doctor")
    assert "bpf_loop" in (smoke / "doctor.out").read_text()


def test_one_process(smoke):
    """A process is profiled: its functions by name, in their shares, nearly at the nominal rate."""
    assert status_of(smoke, "process") == 0, explain(smoke, "process")
    profile = checked(smoke / "process.pb.gz")
    assert profile.facts["kernel"] == (smoke / "kernel").read_text().strip()
    before, after = ([float(word) for word in (smoke / f"target.{when}").read_text().split()]
                     for when in ("before", "after"))
    busy = min(1.0, (after[0] - before[0]) / 100 / (after[1] - before[1]))
    seconds = profile.duration_nanos / 1e9
    assert_count(profile.total, busy * seconds, 99, seconds, relative=0.2)
    for name, share in {"alpha": 0.6, "beta": 0.3, "gamma_": 0.1}.items():
        assert_share(profile.cumulative(name), profile.total, share, sigmas=5)


def test_everything(smoke):
    """All processes are profiled into a folder, the busy one among them, kernel names included."""
    assert status_of(smoke, "everything") == 0, explain(smoke, "everything")
    paths = list((smoke / "everything").glob("*.pb.gz"))
    profiles = [checked(path) for path in paths]
    pid = (smoke / "target.pid").read_text().strip()
    busy = [profile for profile in profiles if profile.facts.get("pid") == pid]
    assert len(busy) == 1 and busy[0].cumulative("alpha") > 50


def test_a_command(smoke):
    """A command is profiled from its start, and its exit status returned."""
    assert status_of(smoke, "command") == 5, explain(smoke, "command")
    profile = checked(smoke / "command.pb.gz")
    # Starting a program takes its time where every instruction is translated.
    assert profile.cumulative("burn_cpu") >= 0.3 * profile.total > 30


def test_highest_frequency(smoke):
    """At 5,000 Hz the accounting is exact, whatever the machine manages."""
    assert status_of(smoke, "overflow") == 0, explain(smoke, "overflow")
    assert checked(smoke / "overflow.pb.gz", merged=True).total > 1000


@pytest.mark.parametrize("smoke", list(machine.SERIES), indirect=True)
def test_late_cpu(smoke):
    """A CPU that comes online during a recording is sampled from the next look at the CPUs on."""
    assert status_of(smoke, "late") == 0, explain(smoke, "late")
    profiles = [checked(path) for path in (smoke / "late").glob("*.pb.gz")]
    samples = sum(profile.cumulative("burn_cpu") for profile in profiles)
    seconds = int((smoke / "burn.out").read_text().split("cpu=")[1]) / 1e9
    assert 0.6 <= samples / (99 * seconds) <= 1.05


def test_kernel_is_named(smoke):
    """The smoke test ran on the kernel that it says."""
    assert (smoke / "kernel").read_text().strip()
    assert system.kernel_release()
