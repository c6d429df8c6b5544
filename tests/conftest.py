"""Fixtures, the skips for what a machine lacks, and the rule that no test leaves anything behind."""
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent / folder) for folder in ("e2e", "kernels")]

from harness import readers, statistics, system  # noqa: E402
from harness.paths import PPROFD  # noqa: E402
from harness.processes import children_of, is_alive, wait_until  # noqa: E402
from harness.recording import Pprofd  # noqa: E402
from harness.service import Service  # noqa: E402

TEMPORARY = Path(tempfile.gettempdir()).resolve()


def _end_in_order(*_):
    raise KeyboardInterrupt("terminated")


# A runner's deadline ends the tests by SIGTERM: what they started and mounted is still cleaned up.
signal.signal(signal.SIGTERM, _end_in_order)


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also the tests marked `long`, and full counts")


def pytest_configure(config):
    config.addinivalue_line("markers", "requires(*names): what the machine must have")
    config.addinivalue_line("markers", "long: only with --long")


def pytest_collection_modifyitems(config, items):
    late = [item for item in items if item.get_closest_marker("long")]
    if late and not config.getoption("--long"):
        config.hook.pytest_deselected(items=late)
        items[:] = [item for item in items if item not in late]
    for item in items:
        for marker in item.iter_markers("requires"):
            for why in filter(None, map(system.missing, marker.args)):
                item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session", autouse=True)
def built():
    assert PPROFD.exists(), f"{PPROFD} is not built"
    readers.go_tool_pprof()
    readers.google_pprof()


@pytest.fixture
def long(request):
    return request.config.getoption("--long")


@pytest.fixture
def pprofd(tmp_path):
    program = Pprofd(tmp_path)
    yield program
    program.close()


@pytest.fixture
def service(tmp_path):
    """Starts services, each with a folder of its own."""
    started = []

    def start(text="", *flags, **options):
        started.append(Service(tmp_path / f"service{len(started)}", text, *flags, **options))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()


@pytest.fixture
def assert_count():
    """statistics.assert_count, which allows for what the hypervisor steals while the test runs."""
    before = statistics.stolen_seconds()
    return lambda *values, **bounds: statistics.assert_count(
        *values, **bounds, stolen=statistics.stolen_seconds() - before)


@pytest.fixture(autouse=True)
def nothing_left_behind(tmp_path):
    """No child outlives its test, and nothing stays mounted below the test's folder."""
    # Users without privileges must reach what a test makes for them, wherever --basetemp puts it.
    for folder in [tmp_path, *tmp_path.parents]:
        if folder != TEMPORARY and folder.is_relative_to(TEMPORARY):
            os.chmod(folder, 0o755)
    yield
    wait_until(lambda: not [pid for pid in children_of(os.getpid()) if is_alive(pid)],
               "the end of every process that the test started", 10)
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    assert not [mount for mount in mounts if mount.startswith(str(tmp_path))]
    shutil.rmtree(tmp_path, ignore_errors=True)
