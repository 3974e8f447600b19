"""What does an audit say of the space that pictures are read in, and what is left to a sample so that it stays quick?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from analyses.clusters import group_codes
from analyses.slices import CodedAttribute
from analyses.space.alignment import alignment_table
from analyses.space.association import association_table
from analyses.space.causal import erasure_test
from analyses.space.encoding import linear_probe
from analyses.space.head import label_space
from analyses.space.maps import label_plane, map_trust
from analyses.space.margins import hubness_table, margin_table
from analyses.space.mmd import mmd_table
from analyses.space.neighbours import NEIGHBOURS, nearest_neighbours, purity_table
from analyses.space.pull import pull_table
from analyses.space.shift import concept_shift_table
from analyses.strata import true_codes
from data.predictions import Predictions

Codes = npt.NDArray[np.int64]
Tables = dict[str, pd.DataFrame]
MOST_IN_ONE_PASS = 50_000
"""Pictures whose vectors are gone through once for medians and kernel means; of more, a sample is."""
FEWEST = 40
"""Pictures from which the slow analyses are tried at all."""


def space_tables(
    predictions: Predictions, attributes: Sequence[CodedAttribute], *,
    skewed: frozenset[str] = frozenset(), inferred: frozenset[str] = frozenset(),
    on_map: npt.NDArray[np.int64] | None = None, most: int = 2_000, seed: int = 0,
) -> Tables:  # fmt: skip
    """Tables by name; none where predictions name a label only.

    Of every picture: `space_pull` (`pull_table`), `space_hubs` (`hubness_table`); of at most `MOST_IN_ONE_PASS`:
    `space_margins` (`margin_table`). With embeddings and `most` also, of at most `MOST_IN_ONE_PASS`, `space_mmd`
    (`mmd_table`, its p on at most `most`); of at most `most` pictures: `space_association` (`association_table` on the
    label vectors), `space_shift` (`concept_shift_table`), `space_encoding` (`linear_probe`), `space_neighbours`
    (`purity_table`), `space_alignment` (`alignment_table`), and for the attributes that are skewed `space_erasure` and
    `space_collateral` (the parts of an `ErasureTest`). Of the pictures on the map: `space_plane` (`image_id`, `x`, `y`),
    `space_plane_labels` (`label`, `x`, `y`) and `space_plane_badge` (one row: shares and trust). `space_about` says for
    each analysis how many `pictures` of how many (`of`) it saw, and which `attribute` it could not be done for and why
    (`note`).

    Args:
        predictions: of a probe, or of any model with scores.
        attributes: what to slice by.
        skewed: names of slices whose skews are worth an explanation.
        inferred: columns that were inferred; associations of these are corrected for many tests apart.
        on_map: positions of the pictures on the map.
        most: pictures that slow analyses take; 0 leaves these out.
        seed: of all samples and deals.
    """
    if predictions.measure == "label":
        return {}
    y = None if predictions.truth is None else true_codes(predictions)
    groups = group_codes(predictions.rows)
    n = len(predictions)
    about: list[tuple[str, int, int, str, str]] = [("space_pull", n, n, "", ""), ("space_hubs", n, n, "", "")]
    tables = {
        "space_pull": pull_table(predictions, attributes, y=y, groups=groups),
        "space_hubs": hubness_table(predictions),
    }
    some = _chosen(predictions, MOST_IN_ONE_PASS, seed)
    part, coded = predictions.take(_mask(some, n)), [_at(one, some) for one in attributes]
    own, truth = _of(groups, some), _of(y, some)
    tables["space_margins"] = margin_table(part, coded, groups=own)
    about.append(("space_margins", len(some), n, "", ""))
    if predictions.embeddings is not None and predictions.anchors is not None:
        if most and n >= FEWEST:
            tables["space_mmd"] = mmd_table(
                predictions.embeddings[some], coded, y=truth, groups=own, most_for_p=most, seed=seed
            )
            about.append(("space_mmd", len(some), n, "", ""))
            few = _chosen(predictions, most, seed)
            tables |= _slow(
                predictions.take(_mask(few, n)), [_at(one, few) for one in attributes], skewed, inferred, _of(y, few),
                _of(groups, few), n, seed, about,
            )  # fmt: skip
        if on_map is not None and len(on_map):
            tables |= _plane(predictions.take(_mask(on_map, n)), predictions.anchors, seed)
            about.append(("space_plane", len(on_map), n, "", ""))
    tables["space_about"] = pd.DataFrame(about, columns=["analysis", "pictures", "of", "attribute", "note"])
    return tables


def _slow(
    predictions: Predictions, attributes: Sequence[CodedAttribute], skewed: frozenset[str], inferred: frozenset[str],
    y: Codes | None, groups: Codes | None, of: int, seed: int, about: list[tuple[str, int, int, str, str]],
) -> Tables:  # fmt: skip
    vectors, anchors, taxonomy = predictions.embeddings, predictions.anchors, predictions.taxonomy
    assert vectors is not None  # the caller looked
    assert anchors is not None
    space, labels, n = label_space(vectors, anchors), taxonomy.labels, len(predictions)
    owners = np.arange(len(labels))
    near = nearest_neighbours(space.x, neighbours=min(NEIGHBOURS, n // 3))

    def erasure(one: CodedAttribute) -> Tables:
        found = erasure_test(space.x, one, labels, read=space.head, y=y, groups=groups, seed=seed)
        return {"space_erasure": found.cells, "space_collateral": found.collateral}

    each: dict[str, Callable[[CodedAttribute], Tables]] = {
        "space_shift": lambda one: {"space_shift": concept_shift_table(space, one, labels, groups=groups, seed=seed)},
        "space_encoding": lambda one: {
            "space_encoding": pd.DataFrame([linear_probe(space.x, one, groups=groups, seed=seed)])
        },
        "space_neighbours": lambda one: {"space_neighbours": purity_table(near, one, groups=groups, seed=seed)},
        "space_erasure": erasure,
    }
    parts: dict[str, list[pd.DataFrame]] = {}
    for apart in (False, True):
        family = [one for one in attributes if (one.column in inferred) == apart]
        if family:
            table = association_table(vectors, anchors, owners, family, taxonomy, groups=groups, seed=seed)
            parts.setdefault("space_association", []).append(table)
    for name, analysis in each.items():
        for one in attributes:
            if name == "space_erasure" and not any(condition.name in skewed for condition in one.conditions):
                continue
            try:
                for key, table in analysis(one).items():
                    parts.setdefault(key, []).append(table)
            except ValueError as error:
                about.append((name, n, of, one.column, str(error)))
    emotion = predictions.predicted if y is None else y
    truth = "predictions" if y is None else "votes" if predictions.has_votes else "labels"
    parts["space_alignment"] = [alignment_table(space, emotion, attributes, truth=truth, seed=seed)]
    about += [(name, n, of, "", "") for name in parts]
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def _plane(predictions: Predictions, anchors: npt.NDArray[np.floating], seed: int) -> Tables:
    vectors = predictions.embeddings
    assert vectors is not None  # the caller looked
    plane = label_plane(vectors, anchors)
    trust = map_trust(vectors, plane.xy, seed=seed)
    return {
        "space_plane": pd.DataFrame({"image_id": predictions.rows["image_id"], "x": plane.xy[:, 0], "y": plane.xy[:, 1]}),
        "space_plane_labels": pd.DataFrame(
            {"label": list(predictions.taxonomy.labels), "x": plane.anchors_xy[:, 0], "y": plane.anchors_xy[:, 1]}
        ),
        "space_plane_badge": pd.DataFrame(
            [{"label_share": plane.label_share, "picture_share": plane.picture_share, **vars(trust)}]
        ),
    }


def _chosen(predictions: Predictions, most: int, seed: int) -> npt.NDArray[np.int64]:
    """Positions of at most `most` pictures, ascending; the same pictures in whatever order the rows stand."""
    n = len(predictions)
    if n <= most:
        return np.arange(n)
    by_id = np.argsort(predictions.rows["image_id"].to_numpy(dtype=str), kind="stable")
    return np.sort(by_id[np.random.default_rng(seed).choice(n, most, replace=False)])


def _mask(positions: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(n, bool)
    mask[positions] = True
    return mask


def _at(attribute: CodedAttribute, positions: npt.NDArray[np.int64]) -> CodedAttribute:
    return CodedAttribute(attribute.column, attribute.conditions, attribute.codes[positions])


def _of(codes: Codes | None, positions: npt.NDArray[np.int64]) -> Codes | None:
    return None if codes is None else codes[positions]
