"""Which pictures have a concept that nobody labelled, and what may be said of that?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.concepts.calibrated_skew import GoldLabels, calibrated_skew
from affect_workbench.analyses.concepts.entanglement import entanglement, lead, made_up_skews, null_skews, without_labels
from affect_workbench.analyses.concepts.random_directions import NO_BETTER, concept_table, score_matrix
from affect_workbench.analyses.concepts.threshold import (
    AttributeQuality,
    Cut,
    calibrated_cut,
    cross_fitted_quality,
    yes_or_no,
)
from affect_workbench.analyses.inference.resampling import Sampling
from affect_workbench.arrays import Codes, Floats
from affect_workbench.data.concepts.definitions import Concept, require_unique_names

PROJECT = ("auto", "yes", "no")
Gold = tuple[Floats, Floats | None]
"""True values `(n,)`, NaN where unknown, and sampling weights, None for equal ones."""


@dataclass(frozen=True)
class ConceptContext:
    """What is known of pictures and concepts besides features and directions.

    Attributes:
        truth: concept name to the column with true values of some pictures: `column` (yes/no), or `column=value`.
        gold: concept name to true values `(n,)` (1, 0, NaN) and sampling weights `(n,)`, None for equal ones.
        outcome: the column the concepts are compared with random directions on, e.g. `valence`, `label`; None for none.
        anchors: `label -> (d,)` vectors of the emotion labels in the same space, for the cosines.
        project: `yes`, `no` or `auto`: project the span of the label vectors off the directions of prompts, of all, of none,
            or of those that are entangled with a label (see `analyses.concepts.entanglement`).
        y_pred: predicted label of each picture `(n,)`, a position in `labels`; skews are calibrated where it is given.
        labels: names of the emotions, those of the anchors in their order.
    """

    truth: Mapping[str, str] = field(default_factory=dict)
    gold: Mapping[str, Gold] = field(default_factory=dict)
    outcome: str | None = None
    anchors: Mapping[str, Floats] | None = None
    project: str = "no"
    y_pred: Codes | None = None
    labels: Sequence[str] = ()


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
        overlap: one row a label: `cosine`, `contrast`, `entangled`; `ahead`, by how much the label that the direction leans
            to most leads, and `ahead_95`, what chance gives (see `analyses.concepts.entanglement`); and where predictions
            were given the skews that the overlap alone makes up (`made_up`) and that random directions stay below
            (`null_95` of the data's covariance, `isotropic_95`), as shares; None where no label vectors were given.
        kept: correlation of the scores after the label vectors' span was projected off with those before; None where it was
            not.
        calibration: `calibrated_skew` with the names of the emotions, None where there are too few true labels.
        uncalibrated: why there is no calibration, where there are true labels.
        scores: of the pictures `(n,)`.
    """

    concept: Concept
    column: str
    n: int
    cut: Cut
    truth: str | None = None
    quality: AttributeQuality | None = None
    association: Mapping[str, Any] | None = None
    overlap: pd.DataFrame | None = None
    kept: float | None = None
    calibration: pd.DataFrame | None = None
    uncalibrated: str = ""
    scores: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def calibrated(self) -> bool:
        """Whether enough true labels stand behind the attribute to say more than *association*."""
        return self.calibration is not None

    @property
    def unproven(self) -> str:
        """Why no finding may rest on the attribute, in words; "" where one may.

        A concept that goes with the outcome no more than random directions do says nothing that any direction would not say.
        True labels that the attribute surely agrees with make it an attribute all the same.
        """
        found = self.association
        if found is None or found["verdict"] != NO_BETTER:
            return ""
        if self.calibrated and self.quality is not None and self.quality.balanced_low > 0.5:
            return ""
        return (
            f"inferred, and no better than a random direction of these pictures (|r| = {abs(found['r']):.2f}, 95 % of "
            f"random directions stay below {found['null_95']:.2f}): its slices are listed as undetermined and no finding "
            "rests on it"
        )


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
    rows: pd.DataFrame,
    values: npt.NDArray[Any],
    *,
    concepts: Sequence[Concept],
    context: ConceptContext | None = None,
    directions: int = 1_000,
    draws: int = 1_000,
    seed: int = 0,
) -> tuple[pd.DataFrame, tuple[ConceptReport, ...]]:
    """The rows with one attribute a concept ("yes" or "no", named `<concept> (inferred)`), and what may be said of each.

    Args:
        rows: one row a picture; a column `group_id` keeps its groups together.
        values: features `(n, d)` of the same pictures.
        concepts: what to infer.
        context: what else is known of pictures and concepts.
        directions: random directions of the null.
        draws: of the bootstrap of calibrated skews.
        seed: of draws and folds.

    Raises:
        ValueError: lengths disagree, repeated names, no such `project`, a column that is there already or missing, and what
            the parts raise.
    """
    context = context or ConceptContext()
    outcome, anchors, project = context.outcome, context.anchors, context.project
    y_pred, labels = context.y_pred, context.labels
    if len(rows) != len(values):
        raise ValueError(f"{len(values)} feature rows meet {len(rows)} pictures: expected one per picture")
    require_unique_names([concept.name for concept in concepts], where="concepts")
    if project not in PROJECT:
        raise ValueError(f"projecting off the labels is {project!r}: expected {', '.join(PROJECT)}")
    columns = [inferred_column(concept) for concept in concepts]
    there = [column for column in columns if column in rows]
    if there:
        raise ValueError(f"already in the data: {', '.join(there)}; rename the concepts of these names")
    known = _known(rows, concepts, context.truth, context.gold)
    if outcome is not None and outcome not in rows:
        raise ValueError(f"no column {outcome!r} to compare concepts on; columns: {', '.join(map(str, rows.columns))}")
    groups = rows["group_id"].to_numpy() if "group_id" in rows and rows["group_id"].notna().all() else None
    given, table = list(concepts), None
    vectors = np.stack(list(anchors.values())) if anchors else None
    if vectors is not None:
        leaning = entanglement(given, list(anchors or ()), anchors=vectors).groupby("concept")["entangled"].any()
        wanted = {"yes": True, "no": False}
        concepts = [
            without_labels(concept, vectors)
            if concept.kind == "prompt" and wanted.get(project, leaning[concept.name])
            else concept
            for concept in given
        ]
    if outcome is not None:
        table = concept_table(
            values, concepts, outcome=rows[outcome], outcome_name=outcome, sampling=Sampling(directions, seed), groups=groups
        )
    scores = score_matrix(values, concepts)
    reports, inferred = [], {}
    for position, (concept, whole, column) in enumerate(zip(concepts, given, columns, strict=True)):
        own = scores[:, position]
        true, weights = known.get(concept.name, (None, None))
        cut = calibrated_cut(own, true, weights=weights, seed=seed)
        inferred[column] = np.where(own > cut.value, "yes", "no").astype(object)
        quality = calibration = None
        reason = ""
        if true is not None:
            quality = cross_fitted_quality(own, true, groups=groups, weights=weights, seed=seed)
        if true is not None and y_pred is not None:
            try:
                calibration = calibrated_skew(
                    own, y_pred, GoldLabels(true, weights), k=len(labels), groups=groups, draws=draws, seed=seed
                ).assign(emotion=list(labels))
            except ValueError as error:
                reason = str(error)
        reports.append(
            ConceptReport(
                concept,
                column,
                len(rows),
                cut,
                truth=context.truth.get(concept.name),
                quality=quality,
                association=None if table is None else {str(key): value for key, value in table.iloc[position].items()},
                overlap=_overlap(values, whole, anchors, y_pred, cut.positives_share, seed=seed) if anchors else None,
                kept=None if concept is whole else float(np.corrcoef(own, concept_scores(values, whole))[0, 1]),
                calibration=calibration,
                uncalibrated=reason,
                scores=own,
            )
        )
    return rows.assign(**inferred), tuple(reports)


def _overlap(
    values: npt.NDArray[Any],
    concept: Concept,
    anchors: Mapping[str, Floats],
    y_pred: npt.NDArray[np.int64] | None,
    share: float,
    *,
    seed: int,
) -> pd.DataFrame:
    """How far a concept, as it was given, overlaps with each label, and what that makes up where predictions are known."""
    vectors = np.stack(list(anchors.values()))
    ahead, by_chance = lead(concept, vectors)
    table = entanglement([concept], list(anchors), anchors=vectors).assign(ahead=ahead, ahead_95=by_chance)
    if y_pred is None:
        return table
    covariance, isotropic = null_skews(values, y_pred, k=len(vectors), share=share, seed=seed)
    made_up = made_up_skews(values, [concept], anchors=vectors, y_pred=y_pred, shares=[share], seed=seed)[0]
    return table.assign(made_up=made_up, null_95=covariance, isotropic_95=isotropic)


def _known(
    rows: pd.DataFrame, concepts: Sequence[Concept], truth: Mapping[str, str], gold: Mapping[str, Gold]
) -> dict[str, Gold]:
    """Concept -> true values and weights, from columns of the rows and from gold labels."""
    names = [concept.name for concept in concepts]
    unknown = sorted((set(truth) | set(gold)) - set(names))
    if unknown:
        raise ValueError(f"true values are named for {', '.join(unknown)}: no such concept; concepts: {', '.join(names)}")
    both = sorted(set(truth) & set(gold))
    if both:
        raise ValueError(f"{', '.join(both)} has a column of true values and concept labels too: expected one of the two")
    columns: dict[str, Gold] = {name: (_true_values(rows, column), None) for name, column in truth.items()}
    return columns | dict(gold)


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
