"""Which model reads the labelled pictures better, over all and in every slice, and which pictures are read otherwise?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.inference.means.shares import design_effect_of_mean, mean_of_shares
from affect_workbench.analyses.inference.means.sums import Sums
from affect_workbench.analyses.inference.multiplicity import benjamini_hochberg
from affect_workbench.analyses.inference.paired import ZERO, GroupTotals, mcnemar, mean_change_interval
from affect_workbench.analyses.inference.verdicts import Rules
from affect_workbench.analyses.slices.sums import SliceSums
from affect_workbench.arrays import Floats
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

SLICE_COLUMNS = (
    "slice",
    "where",
    "n",
    "flipped",
    "labelled",
    "accuracy_a",
    "accuracy_b",
    "change",
    "low",
    "high",
    "gained",
    "lost",
    "p",
    "q",
)
FLIP_COLUMNS = ("image_id", "predicted_a", "predicted_b", "hit_a", "hit_b")


def slice_accuracy(
    sums: SliceSums, at: Mapping[str, slice], *, rules: Rules, families: npt.NDArray[np.int64], units: GroupTotals | None
) -> pd.DataFrame:
    """Accuracy of both models in every slice: columns `SLICE_COLUMNS`, explained at `compare.Comparison`."""

    def column(kind: str, place: int = 0) -> Floats:
        return np.asarray(sums.inside[:, at[kind]][:, place])

    n, labelled = column("one"), column("labelled")
    gained, lost = (units.up[:, -1], units.down[:, -1]) if units else (column("gained"), column("lost"))
    deff, freedom = (units.own_design_effect[:, -1], units.own_freedom[:, -1]) if units else (np.ones(len(n)), np.inf)
    change = column("hits", 1) - column("hits", 0)
    low, high = mean_change_interval(Sums(change, column("gain2"), labelled).over(deff), freedom=freedom)
    told = labelled >= rules.min_count
    p = np.where(told, mcnemar(gained, lost), np.nan)
    q = np.full(len(p), np.nan)
    for family in np.unique(families):
        q[families == family] = benjamini_hochberg(p[families == family])
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = {
            "accuracy_a": column("hits", 0) / labelled,
            "accuracy_b": column("hits", 1) / labelled,
            "change": change / labelled,
            "low": low,
            "high": high,
        }
    counts = {"n": n, "flipped": column("flipped"), "labelled": labelled, "gained": gained, "lost": lost}
    table = pd.DataFrame(
        {name: np.rint(values).astype(np.int64) for name, values in counts.items()}
        | {name: np.where(told, values, np.nan) for name, values in rates.items()}
        | {"p": p, "q": q, "slice": [spec.name for spec in sums.specs], "where": [spec.as_json() for spec in sums.specs]}
    )
    return table[list(SLICE_COLUMNS)]


def flip_table(rows: pd.DataFrame, parts: Mapping[str, Floats], *, taxonomy: Taxonomy) -> pd.DataFrame:
    """One row a picture that the two read otherwise: columns `FLIP_COLUMNS`."""
    labels = np.asarray(taxonomy.labels, dtype=object)
    hits = np.where(parts["labelled"] > 0, parts["hits"], np.nan)
    table = pd.DataFrame(
        {
            "image_id": rows["image_id"].to_numpy(dtype=object),
            "predicted_a": labels[parts["a"].argmax(axis=1)],
            "predicted_b": labels[parts["b"].argmax(axis=1)],
            "hit_a": hits[:, 0],
            "hit_b": hits[:, 1],
        }
    )
    return table[parts["flipped"][:, 0] > 0].reset_index(drop=True)


def overall_accuracy(parts: Mapping[str, Floats], groups: npt.NDArray[np.int64] | None) -> dict[str, Any]:
    """Both models on all pictures; p is McNemar's, or the sign test of whole groups.

    With votes `accuracy_a` and `accuracy_b` are mean shares of votes (vote agreement), and `votes` is true.
    """
    labelled = float(parts["labelled"].sum())
    names = ("accuracy_a", "accuracy_a_low", "accuracy_a_high", "accuracy_b", "accuracy_b_low", "accuracy_b_high")
    found: dict[str, Any] = {
        "pictures": len(parts["one"]),
        "labelled": int(labelled),
        "flipped": int(parts["flipped"].sum()),
        "votes": bool(((parts["hits"] > ZERO) & (parts["hits"] < 1 - ZERO)).any()),
        **dict.fromkeys((*names, "change", "low", "high", "p")),
    }
    if not labelled:
        return found
    gain: Floats = parts["hits"][:, 1] - parts["hits"][:, 0]
    total, squares, deff, freedom = float(gain.sum()), float(parts["gain2"].sum()), 1.0, float("inf")
    known = parts["labelled"][:, 0] > 0
    if groups is not None:
        deff, freedom = design_effect_of_mean(gain[known], groups[known])
        gain = np.bincount(groups, weights=gain).astype(float)
    sums = Sums(*(np.asarray(part / deff) for part in (total, squares, labelled)))
    low, high = mean_change_interval(sums, freedom=freedom)
    p = mcnemar(np.asarray((gain > ZERO).sum()), np.asarray((gain < -ZERO).sum()))
    for at, name in enumerate(("accuracy_a", "accuracy_b")):
        ends = mean_of_shares(parts["hits"][known, at], None if groups is None else groups[known])
        found |= dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
    return found | {"change": total / labelled, "low": float(low), "high": float(high), "p": float(p)}
