"""The Debian package: installed, upgraded, removed and purged, by dpkg itself, in a root of its own."""
import re
import shutil
import subprocess

import pytest

from harness import roots

pytestmark = pytest.mark.requires("root", "namespaces", "dpkg-deb", "cpack")
CONFIG = "/etc/pprofd/pprofd.toml"


@pytest.fixture(scope="module")
def deb():
    return roots.pack("DEB")


@pytest.fixture(scope="module")
def next_deb(deb, tmp_path_factory):
    """The next version, with another configuration."""
    folder = tmp_path_factory.mktemp("next")
    content = folder / "content"
    subprocess.run(["dpkg-deb", "-R", deb, content], check=True)
    control = content / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*", "Version: 9.9-1", control.read_text()))
    config = content / CONFIG[1:]
    config.write_text("# of the next version\n" + config.read_text())
    subprocess.run(["dpkg-deb", "-b", "-Znone", content, folder / "next.deb"], check=True, capture_output=True)
    shutil.rmtree(content)
    return folder / "next.deb"


@pytest.fixture
def root(tmp_path):
    root = roots.overlay_root(tmp_path)
    # A machine that has it installed is as good a place to test as any other.
    root.sh("! dpkg-query -W pprofd >/dev/null 2>&1 || dpkg --purge --no-triggers pprofd; ! getent passwd pprofd || "
            "userdel pprofd")
    return root


def install(root, package):
    return root.run("dpkg", "--install", "--no-triggers", "--force-confdef", "--force-confold",
                    root.put(package, "/tmp/pprofd.deb"))


def status(root):
    return root.run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", "pprofd", check=False)


def enabled(root):
    return root.has("/etc/systemd/system/multi-user.target.wants/pprofd.service")


def test_install(root, deb):
    """Dependencies are met, the user exists, the unit is enabled, and what is installed works."""
    install(root, deb)
    assert status(root).startswith("installed")
    assert root.run("pprofd", "--version").startswith("pprofd ")
    assert root.run("pprofd", "run", "--check").strip() == f"{CONFIG} is right"
    assert "/usr/sbin/nologin" in root.run("getent", "passwd", "pprofd")
    assert enabled(root)
    assert "pprofd - " in root.sh("man -P cat pprofd 2>/dev/null || zcat /usr/share/man/man1/pprofd.1.gz")
    # Nothing that is installed is anybody's but root's, or may be written by others.
    files = root.sh("dpkg -L pprofd | grep -E 'pprofd' | xargs stat -c '%u %g %a %n'")
    assert all(re.match(r"0 0 [67]55 |0 0 644 ", line) for line in files.splitlines()), files


def test_completions_are_found(root, deb):
    """Each shell finds the completion where the package has put it."""
    install(root, deb)
    assert "_pprofd" in root.sh(
        "bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader pprofd; complete -p pprofd'",
        check=False)
    assert root.sh("zsh -fc 'autoload -Uz compinit; compinit -u -D; echo ${_comps[pprofd]}'").strip() == "_pprofd"
    assert "record" in root.sh("fish -c 'complete -C\"pprofd rec\"'")


def test_upgrade_keeps_the_configuration(root, deb, next_deb):
    """An edited configuration stands as it was; the new one's is put beside it; the state stays."""
    install(root, deb)
    root.sh(f"sed -i '1i frequency = 23' {CONFIG}; mkdir -p /var/lib/pprofd/store; touch /var/lib/pprofd/store/x")
    before = root.run("cat", CONFIG)
    install(root, next_deb)
    assert status(root) == "installed 9.9-1"
    assert root.run("cat", CONFIG) == before
    assert root.run("head", "-1", f"{CONFIG}.dpkg-dist") == "# of the next version\n"
    assert root.has("/var/lib/pprofd/store/x") and enabled(root)


@pytest.mark.long
def test_upgrade_takes_a_new_configuration_that_nobody_edited(root, deb, next_deb):
    install(root, deb)
    install(root, next_deb)
    assert root.run("head", "-1", CONFIG) == "# of the next version\n"


@pytest.mark.long
def test_a_disabled_service_stays_disabled(root, deb, next_deb):
    """What the administrator has switched off is off after an upgrade."""
    install(root, deb)
    root.run("systemctl", "--root=/", "disable", "pprofd.service")
    assert not enabled(root)
    install(root, next_deb)
    assert not enabled(root)


def test_remove_keeps_state_and_purge_does_not(root, deb):
    """Removed: no program, but configuration and profiles; installed again, both are in use. Purged: nothing."""
    install(root, deb)
    root.sh(f"sed -i '1i frequency = 23' {CONFIG}; mkdir -p /var/lib/pprofd /var/cache/pprofd; touch /var/lib/pprofd/x")
    root.run("dpkg", "--remove", "--no-triggers", "pprofd")
    assert status(root).startswith("config-files")
    assert not root.has("/usr/bin/pprofd") and root.has("/var/lib/pprofd/x") and root.has(CONFIG)
    assert "frequency = 23" in root.run("cat", CONFIG)
    install(root, deb)
    assert enabled(root) and "frequency = 23" in root.run("cat", CONFIG)
    root.run("dpkg", "--purge", "--no-triggers", "pprofd")
    places = "/etc /usr/bin /usr/lib/systemd /usr/lib/*.d /usr/share/doc /usr/share/man/man1 /var/lib /var/cache"
    left = root.sh(f"find {places} -xdev -name '*pprofd*' -newer /tmp/pprofd.deb")
    assert not left, left
    assert "not-installed" in status(root) or "no packages" in status(root)


@pytest.mark.long
def test_purge_keeps_what_the_administrator_added(root, deb):
    """A token beside the configuration is not the package's to remove; after a purge it is still there."""
    install(root, deb)
    root.sh("echo secret > /etc/pprofd/token")
    root.run("dpkg", "--purge", "--no-triggers", "pprofd")
    assert root.has("/etc/pprofd/token") and not root.has(CONFIG)


@pytest.mark.long
def test_installs_without_systemd(root, deb):
    """Where there is no systemd-sysusers the user is made all the same."""
    root.sh("rm -f /usr/bin/systemd-sysusers /bin/systemd-sysusers")
    install(root, deb)
    assert "/usr/sbin/nologin" in root.run("getent", "passwd", "pprofd")


@pytest.mark.requires("lintian")
@pytest.mark.long
def test_lintian(deb):
    """No error that the archive's own checker knows of; two that are ours to decide are named."""
    answer = subprocess.run(["lintian", "--fail-on", "error", "--allow-root", "--tag-display-limit", "0",
                             "--suppress-tags", "unstripped-binary-or-object", deb], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout
