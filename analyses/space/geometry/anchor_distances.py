"""Where do the slices lie among the label anchors, in the full space (never on the map)?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from affect_workbench.analyses.inference import intervals
from affect_workbench.analyses.inference.means.shares import agreement_interval
from affect_workbench.analyses.inference.means.spread import Spread
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.sums import SliceSums, group_sums
from affect_workbench.arrays import Floats, Vectors


def structure_table(
    sums: SliceSums, data: SlicedPredictions, *, spreads: Mapping[str, Spread] | None = None
) -> pd.DataFrame:
    """One row a (slice, emotion): how far the slice's pictures are from the label, against the complement.

    Columns: `slice`, `emotion`, `n`, `distance` with its 95 % interval `low`, `high` (Student), `complement_distance`,
    `difference` with `difference_low`, `difference_high` (Welch), and `pull`: how much nearer the slice's centroid is to
    this label than the complement's, relative to all labels, `(mu_s - mu_s').(L_k - mean L)` for unit vectors.
    Positive pull = toward the label. Empty where predictions have no distances.

    Args:
        sums: over slices of the pictures' scores.
        data: the pictures.
        spreads: of `distance` where pictures come in groups (`analyses.inference.clusters.group_spreads`), without which
            they count as independent; no interval where it is not known.
    """
    columns = [
        "slice",
        "emotion",
        "n",
        "distance",
        "low",
        "high",
        "complement_distance",
        "difference",
        "difference_low",
        "difference_high",
        "pull",
    ]
    scores, taxonomy = data.scores, data.predictions.taxonomy
    if "distance" not in scores:
        return pd.DataFrame(columns=columns)
    k = len(taxonomy)
    total, squares = sums.inside[:, scores.at["distance"]], sums.inside[:, scores.at["distance2"]]
    other_total, other_squares = sums.outside[:, scores.at["distance"]], sums.outside[:, scores.at["distance2"]]
    n, m = sums.inside[:, scores.at["one"]], sums.outside[:, scores.at["one"]]
    n, m = np.broadcast_to(n, total.shape), np.broadcast_to(m, total.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance, other = total / n, other_total / m
    difference = distance - other
    spread = (spreads or {}).get("distance")
    if spread is None:
        low, high = intervals.mean_interval(Sums(total, squares, n))
        difference_low, difference_high = intervals.mean_difference_interval(
            Sums(total, squares, n), Sums(other_total, other_squares, m)
        )
    else:
        low, high = intervals.student_interval(distance, spread.mean_variance, spread.mean_freedom)
        difference_low, difference_high = intervals.student_interval(difference, spread.variance, spread.freedom)
    cells = {
        "n": np.rint(n).astype(np.int64),
        "distance": distance,
        "low": low,
        "high": high,
        "complement_distance": other,
        "difference": difference,
        "difference_low": difference_low,
        "difference_high": difference_high,
        "pull": difference.mean(axis=1, keepdims=True) - difference,
    }
    table = pd.DataFrame({name: values.ravel() for name, values in cells.items()})
    table.insert(0, "slice", np.repeat(np.array([spec.name for spec in sums.specs], dtype=object), k))
    table.insert(1, "emotion", np.tile(np.array(taxonomy.labels, dtype=object), len(sums.specs)))
    return table[columns]


def slice_table(sums: SliceSums, data: SlicedPredictions, *, spreads: Mapping[str, Spread] | None = None) -> pd.DataFrame:
    """One row a slice: size, accuracy, margin and how far its centroid lies from the complement's.

    Columns: `slice`, `where`, `order`, `n`, `n_complement`; `accuracy` (share of votes for the predicted label, over the
    pictures with a truth) with `accuracy_low`, `accuracy_high`, and `complement_accuracy`; mean `margin` with
    `margin_low`, `margin_high`; `centroid_shift`, the distance between the two centroids, and `centroid_shift_chance`,
    what it would be on average if the slice were drawn at random. NaN where not known; the last two only for slices of
    one condition, and only with embeddings. `spreads` are those of `hit` and `margin` where pictures come in groups.

    With votes, what is called accuracy here is a mean share of votes, and shown as vote agreement: its interval is Student's
    of the shares. Of labels it is Wilson's.
    """
    scores, embeddings = data.scores, data.predictions.embeddings
    n, m = sums.inside[:, 0], sums.outside[:, 0]
    table = pd.DataFrame(
        {
            "slice": [spec.name for spec in sums.specs],
            "where": [spec.as_json() for spec in sums.specs],
            "order": [spec.order for spec in sums.specs],
            "n": np.rint(n).astype(np.int64),
            "n_complement": np.rint(m).astype(np.int64),
        }
    )
    empty = np.full(len(table), np.nan)
    names = ("accuracy", "accuracy_low", "accuracy_high", "complement_accuracy", "margin", "margin_low", "margin_high")
    table = table.assign(**dict.fromkeys((*names, "centroid_shift", "centroid_shift_chance"), empty))

    def column(kind: str, side: Floats) -> Floats:
        return side[:, scores.at[kind]][:, 0]

    known: Mapping[str, Spread] = spreads or {}
    with np.errstate(divide="ignore", invalid="ignore"):
        if "hit" in scores:
            hits, labelled = column("hit", sums.inside), column("labelled", sums.inside)
            table["accuracy"] = hits / labelled
            sides = tuple(
                Sums(*(side[:, scores.at[kind]] for kind in ("hit", "hit2", "labelled")))
                for side in (sums.inside, sums.outside)
            )
            ends = agreement_interval(*sides, spread=known.get("hit"))
            table["accuracy_low"], table["accuracy_high"] = (end[:, 0] for end in ends)
            table["complement_accuracy"] = column("hit", sums.outside) / column("labelled", sums.outside)
        if "margin" in scores:
            total, squares = column("margin", sums.inside), column("margin2", sums.inside)
            table["margin"] = total / n
            of_margin = known.get("margin")
            table["margin_low"], table["margin_high"] = (
                intervals.mean_interval(Sums(total, squares, n))
                if of_margin is None
                else intervals.student_interval(total / n, of_margin.mean_variance[:, 0], of_margin.mean_freedom[:, 0])
            )
    if embeddings is not None:
        shifts = np.array([row for attribute in data.attributes for row in _centroid_shifts(attribute, embeddings)])
        table.loc[: len(shifts) - 1, ["centroid_shift", "centroid_shift_chance"]] = shifts
    return table


def _centroid_shifts(attribute: CodedAttribute, embeddings: Vectors) -> list[tuple[float, float]]:
    """(shift, expected by chance) for every value of one attribute, from sums of vectors and of squared lengths."""
    vectors = embeddings.astype(float)
    columns = np.hstack([np.ones((len(vectors), 1)), (vectors**2).sum(axis=1, keepdims=True), vectors])
    inside = group_sums(attribute.codes, len(attribute.conditions), columns)
    outside = inside.sum(axis=0) - inside

    def centroid(sums: Floats) -> tuple[Floats, Floats]:
        """Centroid of each group and the variance of its estimate, summed over coordinates."""
        n = sums[:, :1]
        mean = sums[:, 2:] / n
        spread = np.maximum(sums[:, 1] / n[:, 0] - (mean**2).sum(axis=1), 0)
        return mean, spread / np.maximum(n[:, 0] - 1, 1)

    with np.errstate(divide="ignore", invalid="ignore"):
        (mean, variance), (other, other_variance) = centroid(inside), centroid(outside)
        shift = np.linalg.norm(mean - other, axis=1)
        return list(zip(shift.tolist(), np.sqrt(variance + other_variance).tolist(), strict=True))
