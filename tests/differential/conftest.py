"""Differential tests need no reader of profiles."""
import pytest
from harness.paths import PPROFD


@pytest.fixture(scope="session", autouse=True)
def built():
    assert PPROFD.exists(), f"{PPROFD} is not built"
