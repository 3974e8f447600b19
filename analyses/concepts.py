"""Which pictures have a concept that nobody labelled, and what may be said of that?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analyses.concept_cut import AttributeQuality, Cut, calibrated_cut, cross_fitted_quality, yes_or_no
from analyses.concept_null import concept_table, score_matrix
from analyses.gold_labels import ENOUGH_LABELS
from data.concepts import Concept, require_unique_names

Floats = npt.NDArray[np.float64]
ENTANGLED = 0.2
"""|cosine| to an emotion label at which a concept invents a skew of 4.5 points although its AUC is .99 (measured)."""


@dataclass(frozen=True)
class ConceptReport:
    """What became of a concept.

    Attributes:
        concept: the direction and its words.
        column: the attribute's name.
        n: pictures that were scored.
        cut: where "yes" begins.
        truth: the column with true values, None without.
        quality: cross-fitted agreement with the true values, None without.
        association: its row of `concept_table` as a dictionary, None where no outcome was asked for.
        cosines: `label -> cosine` of its direction with each emotion label, empty where no label vectors were given.
    """

    concept: Concept
    column: str
    n: int
    cut: Cut
    truth: str | None = None
    quality: AttributeQuality | None = None
    association: Mapping[str, Any] | None = None
    cosines: Mapping[str, float] | None = None

    @property
    def calibrated(self) -> bool:
        """Whether enough true labels stand behind the attribute to say more than *association*."""
        return self.quality is not None and self.quality.n >= ENOUGH_LABELS


def concept_scores(values: npt.NDArray[Any], concept: Concept) -> Floats:
    """Scores `(n,)`: features `(n, d)` scaled to unit length, times the direction, plus the offset.

    Raises:
        ValueError: another width than the features', or a picture whose features are zero.
    """
    return score_matrix(values, [concept])[:, 0]


def inferred_column(concept: Concept) -> str:
    """What the attribute is called; it always says that nobody labelled it."""
    return f"{concept.name} (inferred)"


def concept_attributes(
    rows: pd.DataFrame, values: npt.NDArray[Any], concepts: Sequence[Concept], *,
    truth: Mapping[str, str] | None = None, outcome: str | None = None, anchors: Mapping[str, Floats] | None = None,
    directions: int = 1_000, seed: int = 0,
) -> tuple[pd.DataFrame, tuple[ConceptReport, ...]]:  # fmt: skip
    """The rows with one attribute a concept ("yes" or "no", named `<concept> (inferred)`), and what may be said of each.

    Args:
        rows: one row a picture; a column `group_id` keeps its groups together.
        values: features `(n, d)` of the same pictures.
        concepts: what to infer.
        truth: concept name to the column with true values of some pictures: `column` (yes/no), or `column=value`.
        outcome: the column the concepts are compared with random directions on, e.g. `valence`, `label`; None for none.
        anchors: `label -> (d,)` vectors of the emotion labels in the same space, for the cosines.
        directions: random directions of the null.
        seed: of draws and folds.

    Raises:
        ValueError: lengths disagree, repeated names, a column that is there already or missing, and what the parts raise.
    """
    if len(rows) != len(values):
        raise ValueError(f"{len(values)} feature rows meet {len(rows)} pictures: expected one a picture")
    require_unique_names([concept.name for concept in concepts], where="concepts")
    columns = [inferred_column(concept) for concept in concepts]
    there = [column for column in columns if column in rows]
    if there:
        raise ValueError(f"column(s) {', '.join(there)} are already in the data: rename the concept(s)")
    truth = truth or {}
    unknown = sorted(set(truth) - {concept.name for concept in concepts})
    if unknown:
        raise ValueError(
            f"true values are named for {', '.join(unknown)}: no such concept; concepts: "
            f"{', '.join(concept.name for concept in concepts)}"
        )
    if outcome is not None and outcome not in rows:
        raise ValueError(f"no column {outcome!r} to compare concepts on; columns: {', '.join(map(str, rows.columns))}")
    groups = rows["group_id"].to_numpy() if "group_id" in rows and rows["group_id"].notna().all() else None
    table = None
    if outcome is not None:
        table = concept_table(
            values, concepts, rows[outcome], outcome_name=outcome, directions=directions, seed=seed, groups=groups
        )
    cosines = entanglement(concepts, list(anchors), np.stack(list(anchors.values()))) if anchors else None
    scores = score_matrix(values, concepts)
    reports, inferred = [], {}
    for position, (concept, column) in enumerate(zip(concepts, columns, strict=True)):
        own = scores[:, position]
        labels = _true_values(rows, truth[concept.name]) if concept.name in truth else None
        cut = calibrated_cut(own, labels, seed=seed)
        inferred[column] = np.where(own > cut.value, "yes", "no").astype(object)
        near = None if cosines is None else cosines[cosines["concept"] == concept.name]
        reports.append(
            ConceptReport(
                concept, column, len(rows), cut,
                truth=truth.get(concept.name),
                quality=None if labels is None else cross_fitted_quality(own, labels, groups=groups, seed=seed),
                association=None if table is None else {str(key): value for key, value in table.iloc[position].items()},
                cosines={} if near is None else dict(zip(near["label"], near["cosine"], strict=True)),
            )
        )  # fmt: skip
    return rows.assign(**inferred), tuple(reports)


def entanglement(concepts: Sequence[Concept], labels: Sequence[str], anchors: npt.NDArray[Any]) -> pd.DataFrame:
    """One row a concept and label: `cosine` of direction and label vector, `contrast` with the mean label removed.

    Nearest-label decisions depend on differences of label vectors only, so `contrast` (the label against the other
    labels) is what can move them; `entangled` says that either reaches .2, where a skew of several points is invented.

    Args:
        concepts: directions `(d,)`.
        labels: the `k` emotion labels.
        anchors: `(k, d)` their vectors in the same space.

    Raises:
        ValueError: shapes disagree, or a label's vector is zero.
    """
    anchors = np.asarray(anchors, np.float64)
    if anchors.ndim != 2 or len(anchors) != len(labels):
        raise ValueError(f"label vectors have shape {anchors.shape}: expected one row for each of {len(labels)} labels")
    length = np.linalg.norm(anchors, axis=1, keepdims=True)
    if not np.isfinite(length).all() or (length == 0).any():
        raise ValueError("label vectors hold zero, NaN or infinite rows: make them again")
    unit = anchors / length
    centred = unit - unit.mean(axis=0)
    spread = np.linalg.norm(centred, axis=1)
    records = []
    for concept in concepts:
        if concept.width != anchors.shape[1]:
            raise ValueError(
                f"concept {concept.name!r} is {concept.width} wide, the label vectors are {anchors.shape[1]}: "
                "cosines need one space"
            )
        direction = concept.direction / np.linalg.norm(concept.direction)
        for label, cosine, contrast in zip(
            labels, unit @ direction, centred @ direction / np.maximum(spread, 1e-12), strict=True
        ):
            records.append(
                {
                    "concept": concept.name,
                    "label": label,
                    "cosine": float(cosine),
                    "contrast": float(contrast),
                    "entangled": bool(max(abs(cosine), abs(contrast)) >= ENTANGLED),
                }
            )
    return pd.DataFrame(records, columns=["concept", "label", "cosine", "contrast", "entangled"])


def without_labels(concept: Concept, anchors: npt.NDArray[Any]) -> Concept:
    """The concept with the span of the label vectors `(k, d)` projected off its direction: every cosine becomes 0.

    Raises:
        ValueError: shapes disagree, or nothing is left.
    """
    anchors = np.asarray(anchors, np.float64)
    if anchors.ndim != 2 or anchors.shape[1] != concept.width:
        raise ValueError(f"label vectors have shape {anchors.shape}: expected (labels, {concept.width})")
    _, size, right = np.linalg.svd(anchors, full_matrices=False)
    span = right[size > 1e-9 * size[0]]
    rest = concept.direction - span.T @ (span @ concept.direction)
    if np.linalg.norm(rest) < 1e-6 * np.linalg.norm(concept.direction):
        raise ValueError(f"concept {concept.name!r} lies in the span of the labels: nothing is left of it without them")
    return replace(concept, direction=rest)


def _true_values(rows: pd.DataFrame, named_by: str) -> Floats:
    """1 for yes, 0 for no, NaN where unknown, from `column` or `column=value`."""
    if named_by in rows:
        return yes_or_no(rows[named_by], where=f"column {named_by!r}")
    column, equals, value = named_by.partition("=")
    if not equals or column not in rows:
        raise ValueError(f"no column {column!r} with true values; columns: {', '.join(map(str, rows.columns))}")
    known = rows[column].notna().to_numpy()
    same = (rows[column].astype(str) == value).to_numpy()
    if not same.any():
        raise ValueError(
            f"column {column!r} never says {value!r}; it says {', '.join(map(repr, rows[column].dropna().unique()[:5]))}"
        )
    return np.where(known, same.astype(np.float64), np.nan)
