"""Does a skew run through the linear direction of the attribute? Erase the attribute, read again, and see what is left.

That a slice can be told from the features ("encoded") does not say that the label depends on it ("used"). Here the
attribute is erased on pictures that the eraser was not fitted to, and the skew is measured again; the same is done with
random directions of equal rank, which say what taking anything out would do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.inference.resampling import Sampling, chance_p
from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.scores import margins
from affect_workbench.analyses.slices.strata import Strata, series_of, stratum_counts
from affect_workbench.analyses.space.contrasts import Contrasts, contrasts
from affect_workbench.analyses.space.erasure.folds import grouped_folds
from affect_workbench.analyses.space.erasure.leace import Moments, attribute_columns, moments
from affect_workbench.analyses.space.label_space import NearestAnchor, Reader
from affect_workbench.arrays import Codes, Floats

CONTROLS = Sampling(200)
FEWEST_CONTROLS = 39
BEYOND = 0.025
"""Share of random directions that may do as much: 97.5 % of them do less."""
RUNS_THROUGH, NOT_SHOWN, NO_SKEW = "runs through the linear attribute direction", "not shown", "no skew to explain"
ALPHA = 0.05
"""Within labels a direction is erased where it goes with the attribute beyond chance at this level."""
FEWEST = 20
"""Pictures of a value from which it is erased and judged."""
_NEIGHBOURS, _MOST_FOR_NEIGHBOURS = 10, 1_000


@dataclass(frozen=True)
class ErasureTest:
    """What erasing one attribute does.

    Attributes:
        cells: one row a (slice, emotion): `attribute`, `slice`, `emotion`, `n`; the skew `before` with its 95 % interval
        `before_low`,
            `before_high`, and `after` within-label erasure (plain where no label is known, see `method`) with `after_low`,
            `after_high`; `after_plain`, after plain LEACE; `reduction`, by how much it came nearer to zero; `control_limit`,
            what 97.5 % of the random directions stay below; `p`, (b + 1) / (B + 1), b the random directions that reduce it
            at least as much; `controls`, B; `verdict`. Skews are differences of rates within true labels where those are
            known (Mantel-Haenszel), else raw.
        collateral: one row a method (`within labels`, `plain`): `attribute`, `method`, `rank`, `n`, `accuracy`,
            `accuracy_after`, `control_accuracy` (mean over random directions), `margin` and `margin_after` (means),
            `overlap` (share of each picture's 10 nearest that stay), `flips` (share of pictures read otherwise).
    """

    cells: pd.DataFrame
    collateral: pd.DataFrame


def erasure_test(
    x: npt.NDArray[Any],
    attribute: CodedAttribute,
    *,
    labels: tuple[str, ...],
    read: Reader,
    y: Codes | None = None,
    groups: Codes | None = None,
    sampling: Sampling = CONTROLS,
) -> ErasureTest:
    """Erases an attribute from features `(n, d)` and measures every skew again.

    Erasers are fitted on one half and applied to the other, both ways; groups stay together. Random directions are drawn
    evenly in the whitened space of the same half, as the directions of shuffled attributes lie.

    Args:
        x: features in the space where the attribute is to be erased.
        attribute: what to erase; a value with fewer than `FEWEST` pictures is left out.
        labels: the `k` labels.
        read: from features to distances `(n, k)`; `NearestAnchor` is asked in closed form, anything else once a control.
        y: true label of each picture `(n,)`, -1 where not known.
        groups: group of each picture, None for independent ones.
        sampling: random directions, and the seed of these and of the halves.

    Raises:
        ValueError: fewer than two values with `FEWEST` pictures, fewer than 39 controls, or too few groups for two halves.
    """
    if sampling.draws < FEWEST_CONTROLS:
        raise ValueError(
            f"{sampling.draws} random directions were asked for: expected at least {FEWEST_CONTROLS}, for a p of .025"
        )
    size = len(attribute.conditions)
    count = np.bincount(attribute.codes[attribute.codes >= 0], minlength=size)
    codes = np.where((attribute.codes >= 0) & (count >= FEWEST)[attribute.codes], attribute.codes, -1)
    if y is not None:
        codes = np.where(y >= 0, codes, -1)
    known = np.flatnonzero(codes >= 0)
    if len(np.unique(codes[known])) < 2:
        raise ValueError(
            f"attribute {attribute.column!r} has fewer than two values with {FEWEST} pictures: nothing to erase"
        )
    x, codes = np.asarray(x[known], np.float64), codes[known]
    y, groups = (None if one is None else one[known] for one in (y, groups))
    rng = sampling.rng()
    fold = grouped_folds(codes, 2, groups=groups, seed=sampling.seed)
    methods = ("within labels", "plain") if _varies_within(codes, y, fold) else ("plain",)
    pictures = _Pictures(x, codes, _strata(codes, y), groups, fold)
    erased, ranks, y_pred = _erased(pictures, methods, read, controls=sampling.draws, rng=rng)
    distances = {"before": read(x)} | {method: read(values) for method, values in erased.items()}
    cells = _cells(pictures, attribute, labels, distances, y_pred, methods)
    sample = np.sort(rng.choice(len(x), min(len(x), _MOST_FOR_NEIGHBOURS), replace=False))
    right = {name: np.nan if y is None else float((one.argmin(axis=1) == y).mean()) for name, one in distances.items()}
    collateral = pd.DataFrame(
        [
            {
                "attribute": attribute.column,
                "method": method,
                "rank": ranks[method],
                "n": len(x),
                "accuracy": right["before"],
                "accuracy_after": right[method],
                "control_accuracy": np.nan if y is None or method != methods[0] else float((y_pred == y).mean()),
                "margin": float(margins(distances["before"]).mean()),
                "margin_after": float(margins(distances[method]).mean()),
                "overlap": kept_neighbours(x[sample], erased[method][sample]),
                "flips": float((distances[method].argmin(axis=1) != distances["before"].argmin(axis=1)).mean()),
            }
            for method in methods
        ]
    )
    return ErasureTest(cells[np.repeat(count >= FEWEST, len(labels))].reset_index(drop=True), collateral)


@dataclass(frozen=True)
class _Pictures:
    """Those with a value: features, values, strata of the true labels, groups, and the half that each is in."""

    x: Floats
    codes: Codes
    strata: Strata
    groups: Codes | None
    fold: Codes


def _erased(
    pictures: _Pictures, methods: tuple[str, ...], read: Reader, *, controls: int, rng: np.random.Generator
) -> tuple[dict[str, Floats], dict[str, int], Codes]:
    """Features without the attribute by method, their ranks, and what is read `(controls, n)` without random directions.

    All of the pictures that no part was fitted to.
    """
    x, codes, fold = pictures.x, pictures.codes, pictures.fold
    erased, ranks = {method: np.empty_like(x) for method in methods}, dict.fromkeys(methods, 0)
    y_pred = np.zeros((controls, len(codes)), np.int64)
    for half in (0, 1):
        fitted, judged = np.flatnonzero(fold != half), fold == half
        columns = attribute_columns(x[fitted], codes[fitted])[1]
        for method in methods:
            found = moments(x, columns, rows=fitted, labels=None if method == "plain" else pictures.strata.codes[fitted])
            directions = found.attribute_directions(alpha=None if method == "plain" else ALPHA)
            ranks[method] = max(ranks[method], directions.shape[1])
            erased[method][judged] = found.eraser(directions).apply(x[judged])
            if method == methods[0]:
                drawn = found.random_directions(controls, rank=directions.shape[1], rng=rng)
                y_pred[:, judged] = _read_without(x[judged], found, drawn, read)
    return erased, ranks, y_pred


def _cells(
    pictures: _Pictures,
    attribute: CodedAttribute,
    labels: tuple[str, ...],
    distances: dict[str, Floats],
    y_pred: Codes,
    methods: tuple[str, ...],
) -> pd.DataFrame:
    """The table of cells, see `ErasureTest`."""
    size, k, controls = len(attribute.conditions), len(labels), len(y_pred)
    codes, strata = pictures.codes, pictures.strata

    def skew(name: str) -> Contrasts:
        read_as = np.eye(k)[distances[name].argmin(axis=1)]
        return contrasts(codes, size, read_as, strata=strata.codes, groups=pictures.groups)

    before, after = skew("before"), skew(methods[0])
    reduction = np.abs(before.effect) - np.abs(after.effect)
    by_chance = np.array([np.abs(before.effect) - np.abs(_differences(codes, size, strata, one, k)) for one in y_pred])
    p = chance_p(reduction, by_chance)
    (low, high), (after_low, after_high) = before.interval(), after.interval()
    beyond = (p <= BEYOND) & (reduction > 0)
    verdict = np.select([~((low > 0) | (high < 0)), beyond], [NO_SKEW, RUNS_THROUGH], NOT_SHOWN)
    numbers = {
        "before": before.effect,
        "before_low": low,
        "before_high": high,
        "after": after.effect,
        "after_low": after_low,
        "after_high": after_high,
        "after_plain": skew("plain").effect,
        "reduction": reduction,
        "control_limit": np.quantile(by_chance, 1 - BEYOND, axis=0),
        "p": p,
        "verdict": verdict.astype(object),
    }
    return pd.DataFrame(
        {
            "attribute": attribute.column,
            "slice": series_of([condition.name for condition in attribute.conditions], k),
            "emotion": np.tile(np.array(labels, dtype=object), size),
            "n": np.repeat(np.rint(before.n).astype(np.int64), k),
            **{name: values.ravel() for name, values in numbers.items()},
            "controls": controls,
            "method": methods[0],
        }
    )


def kept_neighbours(before: Floats, after: Floats, *, neighbours: int = _NEIGHBOURS) -> float:
    """Share of each row's nearest rows `before (n, d)` that are among its nearest `after (n, e)`; NaN below three rows."""
    count = min(neighbours, len(before) - 2)
    if count < 1:
        return float("nan")
    near = []
    for points in (before, after):
        squares = (points**2).sum(axis=1)
        apart = squares[:, None] + squares - 2 * points @ points.T
        np.fill_diagonal(apart, np.inf)
        near.append(np.argpartition(apart, count - 1, axis=1)[:, :count])
    shared = np.zeros((len(before), len(before)), bool)
    np.put_along_axis(shared, near[0], True, axis=1)
    return float(np.take_along_axis(shared, near[1], axis=1).mean())


def _read_without(x: Floats, found: Moments, drawn: Floats, read: Reader) -> Codes:
    """What is read `(b, n)` after each of the `drawn (b, d, r)` whitened directions is erased."""
    if not isinstance(read, NearestAnchor):
        return np.array([read(np.asarray(found.eraser(one).apply(x))).argmin(axis=1) for one in drawn])
    # The length of an erased picture does not change which label is nearest: x.a - (right (x - mean)).(left.a) decides.
    cosines, whitened = x @ read.anchors.T, (x - found.mean) @ found.whitening
    toward = read.anchors @ found.unwhitening
    return np.array([(cosines - (whitened @ one) @ (toward @ one).T).argmax(axis=1) for one in drawn])


def _differences(codes: Codes, size: int, strata: Strata, y_pred: Codes, k: int) -> Floats:
    """Mantel-Haenszel differences `(v, k)` of what is said, from counts."""
    inside = stratum_counts(codes, size, strata, y_pred, k)
    outside = inside.sum(axis=0) - inside
    n, m = inside.sum(axis=2, keepdims=True), outside.sum(axis=2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.nan_to_num(n * m / (n + m))
        difference = np.where(weight > 0, inside / n - outside / m, 0.0)
        return np.asarray((weight * difference).sum(axis=1) / weight.sum(axis=1))


def _strata(codes: Codes, y: Codes | None) -> Strata:
    """True labels as what is held fixed; without any, all pictures as one."""
    held = np.zeros(len(codes), np.int64) if y is None else y
    return Strata(("label",), held, tuple(map(str, range(int(held.max()) + 1))))


def _varies_within(codes: Codes, y: Codes | None, fold: Codes) -> bool:
    """Whether, in either half, some label has pictures of two values."""
    if y is None:
        return False
    table = pd.DataFrame({"y": y, "codes": codes, "fold": fold}).groupby(["fold", "y"])["codes"].nunique()
    return bool((table.groupby("fold").max() > 1).all())
