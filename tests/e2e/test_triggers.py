"""Profiles that the service takes by itself: by rules, where a process leaves its own recent range, and of
the time before a process died."""
import contextlib
import signal
import urllib.parse

import pytest
from harness import system
from harness.paths import workload
from harness.processes import children_called, cpu_seconds, start_workload, wait_until
from harness.service import of

pytestmark = pytest.mark.requires("bpf")

TRIGGERS = """
[triggers]
range = "off"
interval = "200ms"
frequency = 499
duration = "1s"
every = "1h"
"""


def start_waiting(name, *arguments):
    """A program that does nothing yet: it begins with SIGUSR1."""
    return start_workload(workload(name), *arguments, env={"WORKLOAD_WAIT": "1"})


def start_service(service, targets, triggers, window="2s"):
    """A service that samples these processes only: others on the machine have triggers of their own."""
    include = ", ".join(f'"pid:{target.pid}"' for target in targets)
    return service(f'frequency = 99\nwindow = "{window}"\ninclude = [{include}]\n{triggers}').wait_started()


def percent(text):
    assert text.endswith("%"), text
    return float(text[:-1])


def wait_triggered(run, pid, count, seconds=30):
    """The triggered profiles of a process, in the order of their time."""
    def found():
        mine = of(run.profiles(accepted=False, triggered=True), pid)
        return mine if len(mine) >= count else None
    return wait_until(found, f"{count} profiles of triggers:\n{run.log}", seconds, 0.1)


def wait_windows(run, count):
    seen = run.metric("pprofd_windows_total")
    wait_until(lambda: run.metric("pprofd_windows_total") >= seen + count, f"{count} windows")


def by_part(profiles):
    return {profile.facts["trigger.part"]: profile for profile in profiles}


def test_a_rule_takes_a_closer_profile_of_a_process_that_becomes_busy(service, assert_count):
    """A process that does nothing and then uses a CPU: a profile at the higher frequency, and one of what
    was before it; both say why. Neither is in what is asked for without naming triggers, nor in the sums."""
    rule = "cpu > 10% for 600ms"  # tests share the CPUs
    with start_waiting("burn", 0) as target:
        run = start_service(service, [target], TRIGGERS + f'[[trigger]]\nwhen = "{rule}"\n')
        wait_windows(run, 2)  # the first is not a whole one
        assert not run.profiles(accepted=False, triggered=True)
        target.signal(signal.SIGUSR1)
        parts = by_part(wait_triggered(run, target.pid, 2))
        assert set(parts) == {"before", "during"}
        during, before = parts["during"], parts["before"]
        for profile in parts.values():
            assert profile.facts["trigger"] == rule and percent(profile.facts["trigger.value"]) > 10
            assert percent(profile.facts["metrics.before.cpu"]) < 10
            assert profile.facts["metrics.before.threads"] == "1"
            assert profile.cumulative("burn_cpu") > 0.9 * profile.total > 4
        assert during.facts["frequency"] == "499" and during.period == 10**9 // 499
        assert before.facts["frequency"] == "99"
        used = percent(during.facts["metrics.during.cpu"]) / 100 * during.duration_nanos / 1e9
        assert_count(during.total, used, 499, during.duration_nanos / 1e9, relative=0.1, slack=10)
        assert before.time_nanos + before.duration_nanos < during.time_nanos + 0.1e9

        query = f"/api/v1/top?from=-1h&labels=pid%3D{target.pid}"
        wait_windows(run, 1)
        assert run.json(query + "&triggered=only")["samples"] == during.total + before.total
        assert run.json(query + ",trigger%3D" + urllib.parse.quote(rule))["samples"] == during.total + before.total
        earlier = sum(p.total for p in run.profiles(accepted=False))
        assert 0 < earlier <= run.json(query)["samples"] <= sum(p.total for p in run.profiles(accepted=False))
        events = [e for e in run.json("/api/v1/processes?from=-1h")["events"] if e["kind"] == "trigger"]
        assert [e["text"].split(",")[0] for e in events] == [f"burn ({target.pid}): {rule}"]
        assert run.metric("pprofd_store_triggered_profiles") == 2
        assert 'pprofd_triggered_profiles_total 2' in run.request("/metrics")[1].decode()
    run.stop()
    assert len(run.profiles(triggered=True)) == 2
    # The sums are those of the ordinary profiles.
    taken = sum(int(p.facts["samples.taken"]) for p in run.profiles(accepted=False))
    assert f" samples={taken} " in run.log.splitlines()[-1]


def test_a_rule_on_threads(service):
    """A process with more threads than the rule allows; one with fewer has none."""
    with start_workload(workload("threads"), 10, 1) as few, start_workload(workload("threads"), 40, 1) as many:
        run = start_service(service, [few, many], TRIGGERS + '[[trigger]]\nwhen = "threads > 30"\n'
                            'frequency = 99\nduration = "500ms"\n')
        parts = by_part(wait_triggered(run, many.pid, 2))
        assert parts["during"].facts["trigger.value"] == "41"
        assert parts["during"].facts["metrics.during.threads"] == "41"
        assert parts["during"].cumulative("busy_thread") > 10
        assert not of(run.profiles(triggered=True), few.pid)
    run.stop()


def test_a_profile_under_way_ends_with_the_service(service):
    """What it has by then is kept."""
    with start_waiting("burn", 0) as target:
        rule = '[[trigger]]\nwhen = "cpu > 10% for 300ms"\nfrequency = 499\nduration = "10m"\n'
        run = start_service(service, [target], TRIGGERS + rule)
        target.signal(signal.SIGUSR1)
        (taker,) = wait_until(lambda: children_called(run.pid, "pprofd: profile"), "the profile's beginning", 30)
        began = cpu_seconds(target.pid)
        wait_until(lambda: cpu_seconds(target.pid) > began + 1 and cpu_seconds(taker) > 0, "CPU time")
        run.stop()
    parts = by_part(of(run.profiles(triggered=True), target.pid))
    assert parts["during"].cumulative("burn_cpu") > 50
    assert parts["during"].duration_nanos < 60e9
    assert parts["before"].total > 0


def test_leaving_the_own_recent_range(service):
    """Without any rule: a process that has used little CPU for as long as the history uses much."""
    with start_waiting("burn", 0) as target:
        run = start_service(service, [target], TRIGGERS.replace('"off"', '"on"\nhistory = "3s"'))
        wait_windows(run, 3)  # of two seconds
        target.signal(signal.SIGUSR1)
        parts = by_part(wait_triggered(run, target.pid, 2))
        assert parts["during"].facts["trigger"] == "range cpu"
        assert percent(parts["during"].facts["metrics.before.cpu"]) < 10
        assert percent(parts["during"].facts["trigger.value"]) > 20
    run.stop()


def test_a_death_by_a_signal_leaves_what_was_before_it(service):
    """A process that crashes and one that is killed: a profile of the time before, with the samples that
    ordinary profiles have too. Whoever ends in order, or by SIGTERM, leaves none."""
    programs = {"crash": ("crash", 2000), "orderly": ("burn", 1500), "killed": ("burn", 0),
                "ended": ("three_functions", 600)}
    with contextlib.ExitStack() as stack:
        started = {name: stack.enter_context(start_waiting(*command)) for name, command in programs.items()}
        run = start_service(service, started.values(), TRIGGERS, window="700ms")
        for process in started.values():
            process.signal(signal.SIGUSR1)
        wait_until(lambda: cpu_seconds(started["killed"].pid) > 0.5 and cpu_seconds(started["ended"].pid) > 0.5,
                   "CPU time")
        started["killed"].signal(signal.SIGKILL)
        started["ended"].signal(signal.SIGTERM)
        for process in started.values():
            process.wait(60)
        crash, killed = started["crash"], started["killed"]
        assert (crash.status, killed.status) == (128 + signal.SIGSEGV, 128 + signal.SIGKILL)
        (of_crash,) = wait_triggered(run, crash.pid, 1)
        (of_killed,) = wait_triggered(run, killed.pid, 1)
    run.stop()
    assert of_crash.facts["trigger"] == "signal 11" and of_crash.facts["trigger.value"] == "SIGSEGV"
    assert of_killed.facts["trigger"] == "signal 9"
    assert {p.facts["pid"] for p in run.profiles(triggered=True)} == {str(crash.pid), str(killed.pid)}
    for last, pid, name in ((of_crash, crash.pid, "about_to_crash"), (of_killed, killed.pid, "burn_cpu")):
        ordinary = of(run.profiles(), pid)
        assert last.total == sum(p.total for p in ordinary)
        assert last.cumulative(name) >= 0.95 * last.total > 20
        end = ordinary[-1].time_nanos + ordinary[-1].duration_nanos
        # It may have had no sample in the window that it died in.
        assert last.time_nanos + last.duration_nanos <= end + 1e9


@pytest.mark.requires("memory_cgroup")
def test_a_death_as_memory_runs_out_says_so(service):
    with system.memory_cgroup(64 << 20) as folder, start_waiting("crash", 1000, "memory") as target:
        system.enter_cgroup(folder, target.pid)
        run = start_service(service, [target], TRIGGERS)
        target.signal(signal.SIGUSR1)
        target.wait(60)
        (last,) = wait_triggered(run, target.pid, 1)
    run.stop()
    assert target.status == 128 + signal.SIGKILL
    assert last.facts["trigger"] == "out of memory" and last.facts["trigger.value"] == "SIGKILL"
    assert last.cumulative("about_to_crash") > 20
