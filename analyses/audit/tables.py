"""What of an audit is kept of every picture, of its map, and of what was left out?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.slices.sliced import Sliced, SlicedPredictions
from affect_workbench.analyses.space.geometry.projection import Projection, projection
from affect_workbench.data.predictions import Predictions

SCORE_OF = "audit_score_"
"""Start of the columns of `AuditResult.samples` that hold each label's score, where a picture's truth is not known."""
EXCLUDED_COLUMNS = ("what", "name", "n", "reason")


def is_mapped(predictions: Predictions, config: AuditConfig) -> bool:
    """Whether a map is asked for, and there is more than labels to draw it from."""
    return predictions.measure != "label" and config.map_pictures > 0


def map_of(predictions: Predictions, config: AuditConfig) -> Projection | None:
    """The map of the pictures; None where none was asked for, or only labels are known."""
    if not is_mapped(predictions, config):
        return None
    vectors = predictions.distances if predictions.embeddings is None else predictions.embeddings
    ids = predictions.rows["image_id"].to_numpy(dtype=object)
    return projection(vectors, ids, anchors=predictions.anchors, most=config.map_pictures, seed=config.seed, seeds=True)


def map_record(drawn: Projection | None, predictions: Predictions) -> dict[str, Any] | None:
    """What a run keeps of the map besides the places of its pictures: method, how far it can be trusted, the labels."""
    if drawn is None:
        return None
    anchors = [] if drawn.anchors_xy is None else drawn.anchors_xy.tolist()
    return {
        "method": drawn.method,
        "space": "label space of the probe" if predictions.embeddings is not None else "scores",
        "trustworthiness": None if np.isnan(drawn.trustworthiness) else round(drawn.trustworthiness, 4),
        "continuity": None if np.isnan(drawn.continuity) else round(drawn.continuity, 4),
        "overlap": None if np.isnan(drawn.overlap) else round(drawn.overlap, 4),
        "disagreement": None if np.isnan(drawn.disagreement) else round(drawn.disagreement, 4),
        "pictures": len(drawn.positions),
        "anchors": [
            {"label": label, "x": x, "y": y} for label, (x, y) in zip(predictions.taxonomy.labels, anchors, strict=False)
        ],
    }


def samples_of(data: SlicedPredictions, drawn: Projection | None) -> pd.DataFrame:
    """One row a picture, as `AuditResult.samples` describes it."""
    predictions, per_picture = data.predictions, data.scores
    labels = np.asarray(predictions.taxonomy.labels, dtype=object)
    samples = predictions.rows.copy()
    samples["predicted"] = labels[predictions.predicted]
    if predictions.answered is not None:
        samples["answered"] = np.array([*labels, None], dtype=object)[predictions.answered]
    agreement = np.full(len(samples), np.nan)
    if "hit" in per_picture:
        known = per_picture.of("labelled")[:, 0] > 0
        agreement[known] = per_picture.of("hit")[known, 0]
    samples["audit_agreement"] = agreement
    samples["audit_margin"] = per_picture.of("margin")[:, 0] if "margin" in per_picture else np.nan
    places = np.full((len(samples), 2), np.nan)
    if drawn is not None:
        places[drawn.positions] = drawn.xy
    samples["audit_x"], samples["audit_y"] = places.T
    truth = predictions.truth
    if predictions.measure != "label" and (truth is None or not np.isfinite(truth[:, 0]).all()):
        scores_of = pd.DataFrame(
            1 - predictions.distances.astype(np.float32),
            index=samples.index,
            columns=[SCORE_OF + label for label in predictions.taxonomy.labels],
        )
        samples = pd.concat([samples, scores_of], axis=1)
    return samples


def excluded_table(
    data: Sliced,
    slices: pd.DataFrame,
    *,
    min_count: int,
    reasons: Mapping[str, Iterable[tuple[str, str]]],
    intersections: pd.DataFrame,
    in_pairs: Sequence[tuple[str, str, int, str]] = (),
) -> pd.DataFrame:
    """What was left out and why, columns `EXCLUDED_COLUMNS`.

    Args:
        data: the pictures.
        slices: those that were counted, with `n` and `n_complement`.
        min_count: fewest pictures on either side for a test.
        reasons: attributes, concepts, questions -> (name, reason) of those that are left out.
        intersections: slices that were not counted, with `n` and `reason`.
        in_pairs: pictures and slices that are not compared in pairs (`analyses.audit.pair_notes.pair_exclusions`).
    """
    whole = [(what, name, None, reason) for what, named in reasons.items() for name, reason in named]
    missing = [
        ("pictures", f"without {attribute.column}", attribute.missing, "no value: in no slice of it, nor in a complement")
        for attribute in data.attributes
        if attribute.missing
    ]
    few = slices[(slices["n"] < min_count) | (slices["n_complement"] < min_count)]
    untested = [
        ("slice", row.slice, row.n, f"fewer than {min_count} pictures in it or in its complement: listed, not tested")
        for row in few.itertuples()
    ]
    listed = [("slice", row.slice, row.n, row.reason) for row in intersections.itertuples()]
    table = pd.DataFrame([*whole, *missing, *in_pairs, *untested, *listed], columns=list(EXCLUDED_COLUMNS))
    return table.astype({"n": "Int64"})
