"""What may be said of a sweep: how much was tried, what was best, and whether it is better than what was given?"""

from __future__ import annotations

import collections

import numpy as np

from affect_workbench.arrays import Vectors
from affect_workbench.workbench.models.training.sweep.trials import CVSetup, TrialResult

_STATES = {
    "complete": "on all folds",
    "pruned": "given up as worse than the median",
    "stopped": "stopped between folds when the time was over",
    "failed": "failed in training (the column note of trials.csv says why)",
}


def paired_interval(differences: Vectors, *, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of paired differences of hits `(n,)` with its interval (mean, low, high).

    The interval takes two more pictures with half a discordance in either direction, so that two settings that read
    every picture alike are not called certainly equal. Source: Agresti and Min 2005, https://doi.org/10.1002/sim.1781
    """
    from scipy.stats import norm

    n = len(differences) + 2
    centre = float(differences.sum()) / n
    variance = (float((differences**2).sum()) + 1) / n - centre**2
    half = float(norm.ppf((1 + level) / 2)) * np.sqrt(variance / n)
    return float(differences.mean()), float(centre - half), float(centre + half)


def best_of(trials: list[TrialResult]) -> TrialResult:
    """The complete trial with the best mean; of equal ones the earliest, so that the given settings win a tie."""
    return max(
        (trial_result for trial_result in trials if trial_result.state == "complete"),
        key=lambda trial_result: (trial_result.mean, -trial_result.number),
    )


def sentences(trials: list[TrialResult], setup: CVSetup, *, elapsed: float) -> list[str]:
    """How many trials ran in how much time, the best against the given settings, and how far that can be believed."""
    counts = collections.Counter(trial_result.state for trial_result in trials)
    parts = ", ".join(f"{counts[state]} {words}" for state, words in _STATES.items() if counts[state])
    lines = [f"{_counted(len(trials), 'trial')} in {_duration(elapsed)}: {parts}"]
    best, given, measure = best_of(trials), trials[0], setup.measure.replace("_", " ")
    lines.append(f"the given settings: {_figure(given, measure, setup)}")
    others = counts.total() - counts["stopped"] - counts["failed"] - 1
    if best is given:
        return [*lines, _nothing_better(others)]
    lines.append(f"best, trial {best.number}: {_figure(best, measure, setup)}")
    differences = setup.weights * (best.hits.astype(float) - given.hits)
    mean, low, high = paired_interval(differences)
    lines.append(
        f"best minus given in {measure}, over all {len(differences):,} pictures, each predicted once by a probe "
        f"that had not seen it: {_points(mean)} points [{_points(low)}, {_points(high)}] (paired 95 % interval)"
    )
    if low <= 0 <= high:
        lines.append("the interval contains 0: no difference is shown, so there is no reason to leave the given settings")
    else:
        _, low, high = paired_interval(differences, level=1 - 0.05 / others)
        wide = f"[{_points(low)}, {_points(high)}]"
        allowed = f"allowing for selection among {_counted(others, 'other')}, the interval is {wide}"
        lines.append(f"{allowed}: " + ("it contains 0, not shown to be better" if low <= 0 else "still better than given"))
    lines.append(
        "the best of many on the same folds is optimistic: how good it is can only be measured on pictures that "
        "the sweep has not used"
    )
    return lines


def _nothing_better(others: int) -> str:
    if not others:
        return "no other settings were measured in the time: best.toml holds the given ones"
    return f"none of {_counted(others, 'other')} did better: best.toml holds the given settings"


def _figure(trial_result: TrialResult, measure: str, setup: CVSetup) -> str:
    return f"{measure} {trial_result.mean:.3f} (standard error {trial_result.standard_error:.3f} over {setup.folds} folds)"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
