"""In which slices is the model right more often, or less often, than on the other pictures, and is that more than chance?

With one label a picture the accuracy of a slice is a rate: Newcombe's interval of the difference and Fisher's exact p. With
votes it is the vote agreement, the mean share of votes that the predicted label has: shares vary less than coins, so the
difference has Welch's interval and p. Where pictures come in groups, sums are divided by their design effect first. Each
slice is one test; they are corrected as all slices are (`analyses.hierarchical`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from analyses import inference
from analyses.cells import LOW_EVIDENCE_COUNT, Rules, slice_families
from analyses.counting import SliceSums
from analyses.hierarchical import select
from analyses.inference import Floats
from analyses.scores import Scores

ACCURACY = "accuracy"
"""Name of the table in `AuditResult.tables`."""
ACCURACY_COLUMNS = (
    "slice", "where", "order", "n", "n_complement", "accuracy", "complement_accuracy", "effect", "low", "high", "p", "q",
    "adjusted_low", "adjusted_high", "verdict", "low_evidence", "design",
)  # fmt: skip


@dataclass(frozen=True)
class Agreement:
    """How often each of `s` slices, or its complement, is predicted as its truth says.

    Attributes:
        n: pictures with a truth `(s,)`, divided by the design effect.
        total: sum over them of the share of votes for the predicted label; with labels how many are right.
        squares: sum of the squares of these shares.
    """

    n: Floats
    total: Floats
    squares: Floats

    @property
    def varies(self) -> npt.NDArray[np.bool_]:
        """Whether the shares differ at all within the slice `(s,)`."""
        return np.asarray(self.squares * self.n - self.total**2 > 1e-9 * np.maximum(self.n, 1) ** 2, dtype=bool)


def accuracy_table(
    sums: SliceSums, scores: Scores, *, rules: Rules | None = None, design: Floats | None = None,
    inferred: frozenset[str] = frozenset(),
) -> pd.DataFrame:  # fmt: skip
    """One row a slice, in the order of `sums`; shares, NaN where not known.

    Columns: `slice`, `where`, `order`; `n`, `n_complement`, pictures with a truth; `accuracy` (with votes: vote agreement)
    and `complement_accuracy`; `effect`, the first minus the second, with its 95 % interval `low`, `high`; `p`, `q`; for
    q <= alpha the interval `adjusted_low`, `adjusted_high` at the level that allows for the picking; `verdict`, one of
    `analyses.cells.VERDICTS` by the rules of `analyses.cells.judged`; `low_evidence`; `design`.

    Args:
        sums: sums over slices of the columns of `scores`.
        scores: says where the columns stand; with `hit` and `hit2`.
        rules: what decides a verdict.
        design: design effect of `hit` of every slice `(s, 1)`, NaN where it is not known; None for independent pictures.
        inferred: columns whose values were inferred; their slices are a family of their own.

    Raises:
        ValueError: no picture has a truth.
    """
    if "hit" not in scores:
        raise ValueError("no picture has a label or votes: accuracy is not known")
    rules = rules or Rules()
    worth = np.ones(len(sums.specs)) if design is None else design[:, 0]
    enough_groups = np.isfinite(worth)
    worth = np.where(enough_groups, worth, 1.0)
    own, other = (
        Agreement(*(side[:, scores.at[kind]][:, 0] / worth for kind in ("labelled", "hit", "hit2")))
        for side in (sums.inside, sums.outside)
    )
    n, m = np.rint(own.n * worth).astype(np.int64), np.rint(other.n * worth).astype(np.int64)
    tested = (n >= rules.min_count) & (m >= rules.min_count) & enough_groups
    hits = scores.of("hit")[scores.of("labelled")[:, 0] > 0]
    coins = bool(((hits == 0) | (hits == 1)).all())
    p = np.where(tested, difference_p(own, other, coins=coins), np.nan)
    selection = select(p[:, None], slice_families(sums.specs, inferred), alpha=rules.alpha)
    q = selection.slice_q
    low, high = difference_interval(own, other, coins=coins)
    adjusted_low, adjusted_high = difference_interval(own, other, coins=coins, level=selection.level)
    low_evidence = np.minimum(own.n, other.n) < LOW_EVIDENCE_COUNT
    picked = q <= rules.alpha
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy, complement = own.total / own.n, other.total / other.n
        outside = (adjusted_low > rules.tolerance) | (adjusted_high < -rules.tolerance)
        within = (low >= -rules.tolerance) & (high <= rules.tolerance)
    verdict = np.select(
        [~tested, picked & outside, within, low_evidence],
        ["too small", "skewed", "equivalent", "too small"],
        "undetermined",
    )
    shown = {"accuracy": accuracy, "complement_accuracy": complement, "effect": accuracy - complement, "low": low,
             "high": high}  # fmt: skip
    table = pd.DataFrame(
        {
            "slice": [spec.name for spec in sums.specs], "where": [spec.as_json() for spec in sums.specs],
            "order": [spec.order for spec in sums.specs], "n": n, "n_complement": m,
            **{name: np.where(tested, values, np.nan) for name, values in shown.items()},
            "p": p, "q": q, "adjusted_low": np.where(picked, adjusted_low, np.nan),
            "adjusted_high": np.where(picked, adjusted_high, np.nan), "verdict": verdict, "low_evidence": low_evidence,
            "design": worth,
        }
    )  # fmt: skip
    return table[list(ACCURACY_COLUMNS)]


def difference_interval(
    own: Agreement, other: Agreement, *, coins: bool, level: float | Floats = 0.95
) -> tuple[Floats, Floats]:
    """Interval of the difference of two accuracies `(s,)`.

    Args:
        own: of the slices.
        other: of their complements.
        coins: whether every picture is right or wrong (labels) and nothing between (votes).
        level: of confidence, one or `(s,)`.
    """
    by_rate = inference.newcombe(own.total, own.n, other.total, other.n, level=level)
    if coins:
        return by_rate
    by_mean = _welch_interval(own, other, level)
    # Shares that are all alike say nothing of their spread: then they count as coins, which vary more.
    spread = own.varies & other.varies
    return np.where(spread, by_mean[0], by_rate[0]), np.where(spread, by_mean[1], by_rate[1])


def difference_p(own: Agreement, other: Agreement, *, coins: bool) -> Floats:
    """Two-sided p of "the two accuracies are equal" `(s,)`, by the same model as `difference_interval`."""
    counts = (np.rint(part).astype(np.int64) for part in (own.total, own.n, other.total, other.n))
    by_rate = inference.fisher_exact(*counts)
    if coins:
        return by_rate
    difference, error, freedom = _welch(own, other)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_mean = 2 * stats.t.sf(np.abs(difference) / error, freedom)
    return np.where(own.varies & other.varies, by_mean, by_rate)


def _welch(own: Agreement, other: Agreement) -> tuple[Floats, Floats, Floats]:
    """Difference of means, its standard error, degrees of freedom."""
    with np.errstate(divide="ignore", invalid="ignore"):
        one, two = (np.maximum(side.squares - side.total**2 / side.n, 0) / (side.n - 1) / side.n for side in (own, other))
        freedom = (one + two) ** 2 / (one**2 / (own.n - 1) + two**2 / (other.n - 1))
        return own.total / own.n - other.total / other.n, np.sqrt(one + two), freedom


def _welch_interval(own: Agreement, other: Agreement, level: float | Floats) -> tuple[Floats, Floats]:
    difference, error, freedom = _welch(own, other)
    valid = freedom > 0
    half = np.where(valid, stats.t.ppf((1 + np.asarray(level)) / 2, np.where(valid, freedom, 1.0)), np.nan) * error
    return difference - half, difference + half
