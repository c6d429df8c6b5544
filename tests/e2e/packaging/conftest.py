"""What is packaged here takes no reader of profiles: only the program."""
import pytest

from harness.paths import ROOT


@pytest.fixture(scope="session", autouse=True)
def built():
    assert (ROOT / "build/release/pprofd").exists(), "build/release/pprofd is not built"
