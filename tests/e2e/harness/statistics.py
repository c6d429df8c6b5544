"""Bounds for sampled counts. Each is two-sided; `SIGMAS` = 4 leaves a false alarm of 6.3e-5 a check
where the normal approximation holds (a few hundred checks a run: about one false alarm in 50 runs
at worst, were the sampling random; a fixed period makes it steadier than that)."""
import math
import os

SIGMAS = 4.0


def stolen_seconds():
    """CPU time that the hypervisor gave to others since the boot, of all CPUs."""
    with open("/proc/stat") as stat:
        return int(stat.readline().split()[8]) / os.sysconf("SC_CLK_TCK")


def assert_share(count, total, share, sigmas=SIGMAS):
    """`count` of `total` samples fell on something that has `share` of the time: binomial."""
    deviation = math.sqrt(total * share * (1 - share))
    expected = total * share
    assert abs(count - expected) <= sigmas * deviation + 1, (
        f"{count} of {total} samples: {(count - expected) / max(deviation, 1e-9):+.1f} standard "
        f"deviations from the share {share:.3f}")


def assert_count(count, cpu_seconds, hertz, wall=None, relative=0.02, slack=2, stolen=0.0):
    """The number of samples is CPU time x frequency within `relative`, and `slack` for both ends.

    A fixed period counts a thread that has its CPU for itself exactly. Where others take the CPU away
    (`wall` is longer than `cpu_seconds`), whether a tick meets the thread is chance: binomial in the
    ticks of the wall time, and SIGMAS standard deviations are allowed instead where they are more.
    What a hypervisor takes away (`stolen` seconds at most) is not in the CPU time, yet ticks go on."""
    expected = cpu_seconds * hertz
    alone = min(1.0, cpu_seconds / wall) if wall else 1.0
    bound = max(relative * expected, SIGMAS * math.sqrt(expected * (1 - alone))) + slack
    assert -bound <= count - expected <= bound + stolen * hertz, (
        f"{count} samples for {cpu_seconds:.3f} s of CPU time ({100 * alone:.0f} % of the wall time) at "
        f"{hertz} Hz: expected {expected:.1f} +- {bound:.1f}, and {stolen:.2f} s were stolen")
