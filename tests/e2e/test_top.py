"""`pprofd top` in a real terminal: what it shows is right, its keys do what they say, it leaves the
terminal as it was; and as plain text."""
import os
import re
import shutil
import signal

import pytest
from harness.paths import PPROFD, workload
from harness.processes import start_workload, wait_until
from harness.statistics import assert_share
from harness.terminal import Terminal, wait_unchanged

pytestmark = pytest.mark.requires("bpf", "tmux")

QUICK = ["-F", 999, "--interval", "200ms"]
PROMPT = r"^\$ ?$"
THREE_SECONDS = r"last (2\.9|3\.\d)s"  # of whole intervals
COLOUR = re.compile(rb"\x1b\[[0-9;]*\b(3[0-8]|4[0-8]|9[0-7])(;[0-9;]*)?m")


def samples_of(text):
    return int(re.search(r"(\d+) samples", text)[1])


def row_of(text, name):
    """The numbers of a function's row: the first columns."""
    return [float(word) for word in re.search(rf"^ *([\d. ]+) +\S+ +{name}\b", text, re.MULTILINE)[1].split()]


def test_shares_are_the_programs_own(tmp_path):
    """Of a program whose functions share the time 6:3:1, each row has its share, in both orders."""
    with start_workload(workload("three_functions")) as target, Terminal(tmp_path) as terminal:
        terminal.run(PPROFD, "top", "-p", target.pid, *QUICK, "--sort", "total", "--window", "3s")
        terminal.wait_for(THREE_SECONDS)
        text = terminal.text
        assert re.search(r"all stacks complete|[01]\.\d% of stacks incomplete", text), text
        for name, share in (("alpha", 0.6), ("beta", 0.3), ("gamma_", 0.1)):
            own, total = row_of(text, name)
            assert_share(round(total / 100 * samples_of(text)), samples_of(text), share)
            assert own < total
        terminal.press("s")
        terminal.wait_for(r"by self")
        first = re.search(r"SELF%.*\n(.*)", terminal.text)[1]
        assert re.search("spin_until|workload_chunk|thread_cpu_ns|clock_gettime|vdso|kernel", first), first
        terminal.press("q")
        terminal.wait_for(r"^status 0")


def test_a_way_through_the_views(tmp_path):
    """Processes, a process's functions, a function's callers and callees and back; filter; pause; help."""
    with start_workload(workload("three_functions")) as target, Terminal(tmp_path) as terminal:
        terminal.run(PPROFD, "top", *QUICK, "--window", "2s")
        terminal.wait_for(r"last \d\.\ds")
        terminal.press("Tab")
        terminal.wait_for(rf"^ *\d+\.\d.* {target.pid}  three_functions")
        terminal.press("/")
        terminal.type("three_f")
        terminal.wait_for(r"^filter: three_f")
        terminal.press("Enter")
        terminal.wait_for(r"only /three_f/")
        terminal.wait_for(rf"COMMAND.*\n.*{target.pid}  three_functions")
        terminal.press("Enter")
        terminal.wait_for(rf"Functions of three_functions \({target.pid}\)")
        terminal.press("/")
        terminal.type("^alpha")
        terminal.press("Enter")
        terminal.wait_for(r"FUNCTION\n.*  alpha")
        terminal.press("Enter")
        text = terminal.wait_for(r"alpha of .*: callers, self, callees[\s\S]*").group()
        rows = [line.split() for line in text.splitlines() if re.match(r" *\d+\.\d\d ", line)]
        roles = {row[-1]: row[1] for row in rows}
        assert roles["main"] == "caller" and roles["alpha"] == "self", text
        assert "callee" in roles.values()
        terminal.press("Space")
        terminal.wait_for("^PAUSED")
        wait_unchanged(lambda: terminal.text, 0.6)
        terminal.press("Space")
        terminal.wait_without("PAUSED")
        terminal.press("Escape")
        terminal.wait_for("Functions of three_functions")
        terminal.press("Escape")
        terminal.wait_for("^Processes")
        terminal.press("?")
        terminal.wait_for("callers and callees of a function; ")
        terminal.press("x")
        terminal.wait_for("^Processes")
        terminal.press("3")
        terminal.wait_for("^Threads")
        terminal.press("z")
        terminal.press("q")
        terminal.wait_for(r"^status 0")


@pytest.mark.long
def test_threads_have_their_own_rows_and_functions(tmp_path):
    """Two busy threads are two rows of half the time each; Enter shows the functions of one."""
    with start_workload(workload("threads"), 4, 2) as target, Terminal(tmp_path) as terminal:
        terminal.run(PPROFD, "top", "-p", target.pid, *QUICK, "--view", "threads", "--window", "3s")
        terminal.wait_for(THREE_SECONDS)
        rows = re.findall(r"^ *[\d.]+ +([\d.]+) .* (worker-\d)$", terminal.text, re.MULTILINE)
        assert {name for _, name in rows} == {"worker-2", "worker-3"}, terminal.text
        for share, _ in rows:
            assert 30 < float(share) < 70
        terminal.press("Enter")
        terminal.wait_for(r"Functions of thread worker-\d[\s\S]*busy_thread")
        terminal.press("F10")
        terminal.wait_for(r"^status 0")


def test_names_that_would_command_the_terminal_are_only_shown(tmp_path):
    """Escape sequences in the names of a program and its process are seen as text."""
    name = "\x1b[31m\x1b]2;x\x07"
    program = tmp_path / name
    shutil.copy(workload("burn"), program)
    with start_workload(program, 0) as target, Terminal(tmp_path) as terminal:
        terminal.run(PPROFD, "top", "-p", target.pid, *QUICK, "--view", "processes")
        terminal.wait_for(rf"{target.pid}  .*x1b\[31m.x1b\]2;x.x07")
        terminal.press("1")
        terminal.wait_for(r"x1b\[31m.*burn_cpu")
        assert name.encode() not in terminal.raw and b"\x1b]2;x" not in terminal.raw
        terminal.press("q")
        terminal.wait_for(r"^status 0")


@pytest.mark.parametrize("end", ["C-c", *(pytest.param(number, marks=pytest.mark.long) for number in (
    signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT))])
def test_the_terminal_is_left_as_it_was(tmp_path, end):
    """Whatever ends it: settings and screen are those of before."""
    with start_workload(workload("burn"), 0) as target, Terminal(tmp_path) as terminal:
        terminal.wait_for(PROMPT)
        before = terminal.settings()
        terminal.run(PPROFD, "top", "-p", target.pid, *QUICK)
        terminal.wait_for("burn_cpu")
        assert terminal.shows_other_screen and terminal.settings() != before
        if isinstance(end, str):
            terminal.press(end)
        else:
            os.kill(terminal.pid_of_program(), end)
        terminal.wait_for(PROMPT)
        wait_until(lambda: terminal.settings() == before, "the settings of before")
        assert not terminal.shows_other_screen
        assert "burn_cpu" not in terminal.text


def test_it_can_be_stopped_and_goes_on(tmp_path):
    """Ctrl-Z gives the terminal back to the shell, fg the view to its user, with samples of then."""
    with start_workload(workload("burn"), 0) as target, Terminal(tmp_path) as terminal:
        terminal.wait_for(PROMPT)
        before = terminal.settings()
        terminal.run(PPROFD, "top", "-p", target.pid, *QUICK)
        terminal.wait_for("burn_cpu")
        terminal.press("C-z")
        terminal.wait_for("Stopped")
        wait_until(lambda: terminal.settings() == before, "the settings of before")
        assert not terminal.shows_other_screen
        terminal.run("fg")
        terminal.wait_for(r"last [0-2]\.\ds[\s\S]*burn_cpu")
        assert terminal.shows_other_screen
        assert re.search(r" 0 dropped", terminal.text), terminal.text
        terminal.press("q")
        terminal.wait_for(r"^status 0")
        wait_until(lambda: terminal.settings() == before, "the settings of before")


@pytest.mark.long
def test_it_fits_the_terminal_whatever_its_size(tmp_path):
    """After each change of size the screen is drawn anew: narrow, low, and wide again."""
    with start_workload(workload("burn"), 0) as target, Terminal(tmp_path) as terminal:
        terminal.run(PPROFD, "top", "-p", target.pid, *QUICK)
        terminal.wait_for(r"OBJECT +FUNCTION[\s\S]*burn_cpu")
        terminal.resize(24, 6)
        terminal.wait_for(r"SELF% +FUNCTION *\n *\d+\.\d+ +(burn_cpu|workload_chunk)")
        terminal.resize(120, 20)
        terminal.wait_for(r"OBJECT +FUNCTION[\s\S]*burn_cpu[\s\S]*help +q quit +1 functions.*pause")
        terminal.press("q")
        terminal.wait_for(r"^status 0")


@pytest.mark.long
def test_colours_are_used_unless_they_are_not_wanted(tmp_path):
    """On a terminal of colours hot rows have one; with NO_COLOR nothing has."""
    with start_workload(workload("burn"), 0) as target:
        for number, (refused, coloured) in enumerate([({}, True), ({"NO_COLOR": "1"}, False)]):
            folder = tmp_path / str(number)
            folder.mkdir()
            with Terminal(folder, TERM="xterm-256color", **refused) as terminal:
                terminal.run(PPROFD, "top", "-p", target.pid, *QUICK)
                terminal.wait_for("burn_cpu")
                wait_until(lambda: bool(COLOUR.search(terminal.raw)) or not coloured, "a colour")
                terminal.press("q")
                terminal.wait_for(r"^status 0")
                assert bool(COLOUR.search(terminal.raw)) == coloured


@pytest.mark.long
def test_what_was_seen_last_stays_when_the_target_has_ended(tmp_path):
    """When the process has ended its figures can still be looked at."""
    with start_workload(workload("burn"), 0) as target, Terminal(tmp_path) as terminal:
        terminal.run(PPROFD, "top", "-p", target.pid, *QUICK)
        terminal.wait_for("burn_cpu")
        target.stop()
        terminal.wait_for(r"^ENDED[\s\S]*burn_cpu")
        terminal.press("2")
        terminal.wait_for(rf"{target.pid}  burn")
        terminal.press("q")
        terminal.wait_for(r"^status 0")


def test_unknown_terminal_is_one_clear_error(tmp_path):
    """A TERM that nobody knows is said, with what helps; the terminal stays usable."""
    with Terminal(tmp_path) as terminal:
        terminal.run("TERM=no-such-thing", PPROFD, "top")
        terminal.wait_for(r"pprofd: error: .*no-such-thing.*\n?.*\nhint: .*--batch[\s\S]*status 1")


def refreshes(text):
    return [block for block in text.split("\n\n") if block.strip()]


def test_batch_prints_each_refresh(pprofd):
    """With --batch -n N there are N refreshes on standard output, with the program's shares."""
    with start_workload(workload("three_functions")) as target:
        run = pprofd.run("top", "-b", "-n", 4, "-p", target.pid, "-F", 999, "--interval", "500ms", "--sort", "total")
    out = run.succeed().stdout.decode()
    blocks = refreshes(out)
    assert len(blocks) == 4 and run.stderr == ""
    assert re.match(r"\d\d:\d\d:\d\d  last (1\.9|2\.\d)s  \d+\.\d% CPU  \d+ samples  1 process  999 Hz\n", blocks[3])
    for name, share in (("alpha", 0.6), ("beta", 0.3)):
        _, total = row_of(blocks[3], name)
        assert_share(round(total / 100 * samples_of(blocks[3])), samples_of(blocks[3]), share)
    assert "\x1b" not in out


def test_batch_ends_with_its_target(pprofd):
    """In batch mode the end of the process is the end, and its last samples are printed."""
    with start_workload(workload("burn"), 1000, env={"WORKLOAD_WAIT": "1"}) as target:
        run = pprofd.start("top", "-b", "-p", target.pid, "--interval", "60s").wait_started()
        target.signal(signal.SIGUSR1)
        target.wait()
        blocks = refreshes(run.wait().succeed().stdout.decode())
    assert len(blocks) == 1
    assert "burn_cpu" in blocks[0] and samples_of(blocks[0]) > 20


def test_batch_writes_nothing_but_text(pprofd, tmp_path):
    """Hostile names are visible text in batch mode too."""
    program = tmp_path / "\x1b[31mred"
    shutil.copy(workload("burn"), program)
    with start_workload(program, 0) as target:
        run = pprofd.run("top", "-b", "-n", 1, "-p", target.pid, "--view", "processes")
    out = run.succeed().stdout
    assert b"\\x1b[31mred" in out and b"\x1b" not in out
