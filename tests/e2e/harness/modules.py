"""Python modules of others that tests use, from PyPI, pinned with their hashes in tests/peers."""
import functools
import shutil
import subprocess

from .paths import ROOT, TOOLS


@functools.cache
def installed(name, peer, seconds):
    """The folder build/tools/NAME with what tests/peers/PEER/requirements.txt names; installed where it has changed."""
    folder, requirements = TOOLS / name, ROOT / "tests" / "peers" / peer / "requirements.txt"
    done = folder / "requirements.txt"
    if not done.exists() or done.read_text() != requirements.read_text():
        shutil.rmtree(folder, ignore_errors=True)
        answer = subprocess.run(["/usr/bin/python3", "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes",
                                 "--target", folder, "-r", requirements],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
        assert answer.returncode == 0, answer.stderr
        done.write_text(requirements.read_text())
    return folder
