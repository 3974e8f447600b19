"""What does an audit say of the space that pictures are read in, and what is left to a sample so that it stays quick?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.space.association import LabelWords, association_table
from affect_workbench.analyses.space.erasure.erasure_test import CONTROLS, erasure_test
from affect_workbench.analyses.space.erasure.linear_probe import linear_probe
from affect_workbench.analyses.space.geometry.alignment import alignment_table
from affect_workbench.analyses.space.geometry.plane import label_plane, map_trust
from affect_workbench.analyses.space.geometry.shift import concept_shift_table
from affect_workbench.analyses.space.label_space import label_space
from affect_workbench.analyses.space.margins import hubness_table, margin_table
from affect_workbench.analyses.space.mmd import mmd_table
from affect_workbench.analyses.space.neighbours import NEIGHBOURS, nearest_neighbours, purity_table
from affect_workbench.analyses.space.pull import pull_table
from affect_workbench.analyses.space.rewording import prompt_variant_table
from affect_workbench.arrays import Codes, Vectors
from affect_workbench.data.storage.threads import threads_for

Tables = dict[str, pd.DataFrame]
MOST_IN_ONE_PASS = 50_000
"""Pictures whose vectors are gone through once for medians and kernel means; of more, a sample is."""
FEWEST = 40
"""Pictures from which the slow analyses are tried at all."""


def space_tables(
    data: SlicedPredictions,
    *,
    skewed: frozenset[str] = frozenset(),
    on_map: Codes | None = None,
    most: int = 2_000,
    seed: int = 0,
    prompt_variants: Mapping[str, Vectors] | None = None,
) -> Tables:
    """Tables by name; none where predictions name a label only.

    Of every picture: `space_pull` (`pull_table`), `space_hubs` (`hubness_table`); of at most `MOST_IN_ONE_PASS`:
    `space_margins` (`margin_table`). With embeddings and `most` also, of at most `MOST_IN_ONE_PASS`, `space_mmd`
    (`mmd_table`, its p on at most `most`); of at most `most` pictures: `space_association` (`association_table` on the
    label vectors), `space_shift` (`concept_shift_table`), `space_encoding` (`linear_probe`), `space_neighbours`
    (`purity_table`), `space_alignment` (`alignment_table`), and for the attributes that are skewed `space_erasure` and
    `space_collateral` (the parts of an `ErasureTest`). Of the pictures on the map: `space_plane` (`image_id`, `x`, `y`),
    `space_plane_labels` (`label`, `x`, `y`) and `space_plane_badge` (one row: shares and trust). With `prompt_variants`
    `space_wording` (`prompt_variant_table`), of every picture. `space_about` says for each analysis how many `pictures` of
    how many (`of`) it saw, and which `attribute` it could not be done for and why (`note`).

    Args:
        data: predictions of a probe, or of any model with scores; associations of inferred attributes are corrected apart.
        skewed: names of slices whose skews are worth an explanation.
        on_map: positions of the pictures on the map.
        most: pictures that slow analyses take; 0 leaves these out.
        seed: of all samples and permutations.
        prompt_variants: name -> label vectors of other words for the same emotions.
    """
    predictions, n = data.predictions, len(data)
    if predictions.measure == "label":
        return {}
    space = predictions.distances if predictions.embeddings is None else predictions.embeddings
    found = _Found(n, width=space.shape[1])
    found.add("space_pull", n, lambda: {"space_pull": pull_table(data)})
    found.add("space_hubs", n, lambda: {"space_hubs": hubness_table(predictions)})
    some = data.sample(MOST_IN_ONE_PASS, seed=seed)
    found.add("space_margins", len(some), lambda: {"space_margins": margin_table(some)})
    vectors, anchors = predictions.embeddings, predictions.anchors
    if vectors is not None and anchors is not None:
        if most and n >= FEWEST:
            found.add("space_mmd", len(some), lambda: {"space_mmd": _mmd(some, most, seed)})
            few = data.sample(most, seed=seed)
            with threads_for(len(few) * found.width):
                _slow(found, few, skewed, seed)
        if prompt_variants:
            found.add("space_wording", n, lambda: {"space_wording": prompt_variant_table(data, prompt_variants)})
        if on_map is not None and len(on_map):
            ids = predictions.rows["image_id"].iloc[on_map].reset_index(drop=True)
            found.add(
                "space_plane", len(on_map), lambda: _plane(ids, vectors[on_map], anchors, predictions.taxonomy.labels, seed)
            )
    return found.tables()


class _Found:
    """Tables as they come, and for each analysis how many pictures it saw or why it could not be done."""

    def __init__(self, of: int, *, width: int) -> None:
        self.of, self.width = of, width
        self.parts: dict[str, list[pd.DataFrame]] = {}
        self.about: dict[tuple[str, str], tuple[int, str]] = {}

    def add(self, analysis: str, pictures: int, work: Callable[[], Tables], attribute: str = "") -> None:
        """Does the work; what the data do not allow is noted for the attribute, or for all of them."""
        try:
            with threads_for(pictures * self.width):
                tables = work()
        except ValueError as error:
            self.about[analysis, attribute] = pictures, str(error)
            return
        self.about.setdefault((analysis, ""), (pictures, ""))
        for name, table in tables.items():
            self.parts.setdefault(name, []).append(table)

    def tables(self) -> Tables:
        """Every table, `space_about` with them."""
        rows = [(name, seen, self.of, attribute, note) for (name, attribute), (seen, note) in self.about.items()]
        about = pd.DataFrame(rows, columns=["analysis", "pictures", "of", "attribute", "note"])
        return {name: pd.concat(parts, ignore_index=True) for name, parts in self.parts.items()} | {"space_about": about}


def _mmd(data: SlicedPredictions, most_for_p: int, seed: int) -> pd.DataFrame:
    vectors = data.predictions.embeddings
    assert vectors is not None  # the caller looked
    return mmd_table(vectors, data.attributes, y=data.true_codes, groups=data.groups, most_for_p=most_for_p, seed=seed)


def _slow(found: _Found, data: SlicedPredictions, skewed: frozenset[str], seed: int) -> None:
    """What is done on a sample: these pictures."""
    predictions, attributes, y, groups, n = data.predictions, data.attributes, data.true_codes, data.groups, len(data)
    taxonomy, labels = predictions.taxonomy, predictions.taxonomy.labels
    vectors, anchors = predictions.embeddings, predictions.anchors
    assert vectors is not None  # the caller looked
    assert anchors is not None
    try:
        space = label_space(vectors, anchors)
    except ValueError as error:
        found.about["space_association", "every attribute"] = n, str(error)
        return
    near = nearest_neighbours(space.x, neighbours=min(NEIGHBOURS, n // 3))

    def erasure(one: CodedAttribute) -> Tables:
        tested = erasure_test(
            space.x, one, labels=labels, read=space.head, y=y, groups=groups, sampling=replace(CONTROLS, seed=seed)
        )
        return {"space_erasure": tested.cells, "space_collateral": tested.collateral}

    each: dict[str, Callable[[CodedAttribute], Tables]] = {
        "space_shift": lambda one: {"space_shift": concept_shift_table(space, one, labels=labels, groups=groups, seed=seed)},
        "space_encoding": lambda one: {
            "space_encoding": pd.DataFrame([linear_probe(space.x, one, groups=groups, seed=seed)])
        },
        "space_neighbours": lambda one: {"space_neighbours": purity_table(near, one, groups=groups, seed=seed)},
        "space_erasure": erasure,
    }
    words = LabelWords(anchors, np.arange(len(labels)), taxonomy)
    for apart in (False, True):
        family = [one for one in attributes if (one.column in data.inferred) == apart]
        if family:
            table = association_table(vectors, words, attributes=family, groups=groups, seed=seed)
            found.add("space_association", n, partial(dict, space_association=table))
    for name, analysis in each.items():
        for one in attributes:
            if name != "space_erasure" or any(condition.name in skewed for condition in one.conditions):
                found.add(name, n, partial(analysis, one), one.column)
    emotion = predictions.predicted if y is None else y
    truth = "predictions" if y is None else "votes" if predictions.has_votes else "labels"
    alignment = alignment_table(space, emotion, attributes=attributes, truth=truth, seed=seed)
    found.add("space_alignment", n, partial(dict, space_alignment=alignment))


def _plane(ids: pd.Series, vectors: Vectors, anchors: Vectors, labels: tuple[str, ...], seed: int) -> Tables:
    plane = label_plane(vectors, anchors)
    trust = map_trust(vectors, plane.xy, seed=seed)
    return {
        "space_plane": pd.DataFrame({"image_id": ids, "x": plane.xy[:, 0], "y": plane.xy[:, 1]}),
        "space_plane_labels": pd.DataFrame(
            {"label": list(labels), "x": plane.anchors_xy[:, 0], "y": plane.anchors_xy[:, 1]}
        ),
        "space_plane_badge": pd.DataFrame(
            [{"label_share": plane.label_share, "picture_share": plane.picture_share, **vars(trust)}]
        ),
    }
