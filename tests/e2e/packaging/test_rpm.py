"""The rpm: what it says of itself, and its life in a root of its own, by rpm itself."""
import pytest

from harness import roots

pytestmark = [pytest.mark.long, pytest.mark.requires("root", "namespaces", "rpmbuild", "rpm", "cpack")]
CONFIG = "/etc/pprofd/pprofd.toml"


@pytest.fixture(scope="module")
def rpm():
    return roots.pack("RPM")


@pytest.fixture(scope="module")
def next_rpm():
    return roots.pack("RPM", "9.9")


@pytest.fixture
def root(tmp_path):
    root = roots.overlay_root(tmp_path)
    root.sh("! getent passwd pprofd || userdel pprofd; rm -rf /etc/pprofd; rpm --initdb")
    return root


# rpm's database knows nothing of what dpkg has installed.
def install(root, package):
    return root.run("rpm", "--upgrade", "--nodeps", root.put(package, "/tmp/pprofd.rpm"))


def query(root, package, *arguments):
    return root.run("rpm", "-qp", *arguments, root.put(package, "/tmp/query.rpm"))


def test_what_it_says(root, rpm):
    """Configuration, scripts, owners, and no folder of the system's among its own."""
    assert query(root, rpm, "--configfiles").split() == [CONFIG]
    listed = query(root, rpm, "--qf", "[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\n]")
    for line in listed.splitlines():
        mode, owner, path = line.split()
        assert owner == "root:root" and "pprofd" in path and mode[8] == "-", line
    assert "/usr/share/zsh/site-functions/_pprofd" in listed and "changelog.Debian" not in listed
    assert "libc.so.6" in query(root, rpm, "--requires")
    scripts = query(root, rpm, "--scripts")
    assert all(f"{name} scriptlet" in scripts for name in ("postinstall", "preuninstall", "postuninstall"))


def test_life(root, rpm, next_rpm):
    """Installed: enabled by its preset, the user exists. Upgraded: an edited configuration stays. Erased: so does it."""
    install(root, rpm)
    assert root.run("pprofd", "--version").startswith("pprofd ")
    assert "/usr/sbin/nologin" in root.run("getent", "passwd", "pprofd")
    assert root.has("/etc/systemd/system/multi-user.target.wants/pprofd.service")
    root.sh(f"sed -i '1i frequency = 23' {CONFIG}; mkdir -p /var/lib/pprofd; touch /var/lib/pprofd/x")
    install(root, next_rpm)
    assert root.run("rpm", "-q", "pprofd").startswith("pprofd-9.9-1")
    assert "frequency = 23" in root.run("cat", CONFIG)
    assert root.has("/etc/systemd/system/multi-user.target.wants/pprofd.service")
    root.run("rpm", "--erase", "pprofd")
    assert not root.has("/usr/bin/pprofd") and root.has("/var/lib/pprofd/x")
    assert "frequency = 23" in root.run("cat", f"{CONFIG}.rpmsave")
    assert not root.has("/etc/systemd/system/multi-user.target.wants/pprofd.service")
