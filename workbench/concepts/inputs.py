"""How do words and vectors on the command line become attributes of the audited pictures?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.concepts.attributes import PROJECT, ConceptContext, ConceptReport, Gold
from affect_workbench.analyses.concepts.random_directions import FEWEST_WITH_OUTCOME
from affect_workbench.data.concepts.annotations import gold_labels, read_answers
from affect_workbench.data.concepts.definitions import Concept, PromptPair, read_directions, read_prompt_pairs
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.tables.read import named
from affect_workbench.data.taxonomies.label_identity import plain
from affect_workbench.workbench.concepts.sentences import CALIBRATION_WARNING, calibration_note, in_words
from affect_workbench.workbench.concepts.settings import ConceptSettings
from affect_workbench.workbench.datasets.features import open_features

if TYPE_CHECKING:
    from affect_workbench.probes.encoders.vision import VisionEncoder

_FILES = (".csv", ".tsv", ".txt")
_DIRECTIONS = (".npy", ".npz")
_EVOKES = "a photo that evokes {}"
_PREDICTION = "the prediction"
"""Column that concepts are held against random directions on, where none is named: a skew is about what is predicted."""


@dataclass(frozen=True)
class InferredAttributes:
    """What the concepts of an audit became.

    Attributes:
        predictions: with one inferred attribute a concept, and a note that says what these are worth.
        reports: what may be said of each.
        sentences: what must be known of features and gold labels, then each concept in a paragraph.
    """

    predictions: Predictions
    reports: tuple[ConceptReport, ...]
    sentences: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the inferred attributes."""
        return tuple(report.column for report in self.reports)


def with_concepts(
    settings: ConceptSettings, predictions: Predictions, features: FeatureSet | None, *, seed: int
) -> InferredAttributes:
    """The predictions with one inferred attribute a concept of the settings, and what a reader must know of each.

    A prompt is scored in the features that the predictions were made of, or in those of another encoder
    (`concept_features`). In the former a prompt that leans toward an emotion word with a cosine of at least .2 has the
    span of the emotion words projected off, unless the settings say no: pictures that lie toward the emotion would score
    high on it whatever they show, which makes up a skew of 4.5 points and more (measured). Prompts that lean less are
    left as they are: where a concept and an emotion go together in the world, projecting takes a part of the concept
    with it. Another encoder does not see the same pictures as near to an emotion as the audited model does, so there
    nothing is projected off unless the settings say yes.

    Args:
        settings: concepts, gold labels and what goes with them.
        predictions: with whatever was joined to their rows; true values of a concept and the outcome are found there.
        features: that the predictions were made of, of the same pictures in the same order; None for a table.
        seed: of the random directions and folds.

    Raises:
        ValueError: a concept that cannot be read, an encoder without a text tower, or another one than the features'.
    """
    from affect_workbench.analyses.concepts.attributes import concept_attributes

    if settings.concept_project not in PROJECT:
        raise ValueError(f"--concept-project {settings.concept_project}: expected {', '.join(PROJECT)}")
    rows, taxonomy = predictions.rows, predictions.taxonomy
    elsewhere = bool(settings.concept_features)
    scored, values = _scored(settings, rows, features)
    pairs, concepts = _given(settings.concepts, scored.spec.width)
    anchors = None
    if pairs:
        from affect_workbench.probes.encoders.prompts import prompt_concepts

        tower = _text_tower(scored, settings.concept_encoder)
        concepts += prompt_concepts(pairs, tower.encode_text)
        words = tower.encode_text([_EVOKES.format(label) for label in taxonomy.labels])
        anchors = dict(zip(taxonomy.labels, words.astype("float64"), strict=True))
    outcome = settings.concept_outcome or _PREDICTION
    labels_of, remarks = _concept_labels(settings.concept_labels, concepts, rows["image_id"])
    compared = rows
    if outcome == _PREDICTION:
        said_of = np.asarray(taxonomy.labels, dtype=object)[predictions.predicted]
        # One label for every picture, or a handful of pictures: there is nothing to go with.
        outcome = outcome if len(set(said_of)) > 1 and len(rows) >= FEWEST_WITH_OUTCOME else ""
        compared = rows.assign(**{_PREDICTION: said_of})
    with_inferred, reports = concept_attributes(
        compared,
        values,
        concepts=concepts,
        context=ConceptContext(
            truth={pair.name: pair.truth for pair in pairs if pair.truth},
            gold=labels_of,
            outcome=outcome or None,
            anchors=anchors,
            y_pred=predictions.predicted,
            labels=taxonomy.labels,
            project="no" if elsewhere and settings.concept_project == "auto" else settings.concept_project,
        ),
        seed=seed,
    )
    origin = [f"Concepts are scored in other features than those used for the predictions: {scored.spec.in_words()}."]
    said = [" ".join(sentence for sentence in in_words(report) if sentence != CALIBRATION_WARNING) for report in reports]
    rows = rows.assign(**{report.column: with_inferred[report.column] for report in reports})
    found = predictions.with_rows(rows, notes=(calibration_note(reports),))
    return InferredAttributes(found, reports, (*origin * elsewhere, *remarks, *said))


def _given(items: Sequence[str], width: int) -> tuple[list[PromptPair], list[Concept]]:
    """Prompts, and directions of this width, in the order in which they were given."""
    pairs: list[PromptPair] = []
    concepts: list[Concept] = []
    for item in items:
        suffix = Path(item).suffix.lower()
        if suffix in _DIRECTIONS:
            concepts += read_directions(Path(item), width=width)
        elif suffix in _FILES:
            pairs += read_prompt_pairs(Path(item))
        else:
            pairs.append(PromptPair.of(*(part.strip() for part in item.split("|"))))
    return pairs, concepts


def _scored(
    settings: ConceptSettings, rows: pd.DataFrame, features: FeatureSet | None
) -> tuple[FeatureSet, npt.NDArray[np.float32 | np.float16]]:
    """The features that concepts are scored in, and their values in the order of the rows.

    Raises:
        ValueError: neither features nor `concept_features`, or pictures that these lack.
    """
    if not settings.concept_features:
        if features is None:
            raise ValueError(
                "--concepts are scored in the space of picture features: give --features with --probe, or "
                "--concept-features with features of the same pictures"
            )
        return features, features.values
    scored = open_features(settings.concept_features, encoder=settings.concept_encoder or "unknown")
    at = pd.Series(np.arange(len(scored)), index=scored.rows["image_id"]).reindex(rows["image_id"])
    lacking = rows["image_id"][at.isna().to_numpy()]
    if len(lacking):
        raise ValueError(
            f"{settings.concept_features} lacks {len(lacking):,} of {len(rows):,} audited pictures, first {named(lacking)}: "
            "encode the same pictures with it"
        )
    return scored, scored.values[at.to_numpy(np.int64)]


def _concept_labels(paths: Sequence[str], concepts: Sequence[Concept], ids: pd.Series) -> tuple[dict[str, Gold], list[str]]:
    """Concept -> gold labels of these pictures, and what must be known of them."""
    if not paths:
        return {}, []
    names = [concept.name for concept in concepts]
    asked = {plain(name): name for name in names}
    found = {asked.get(plain(name), name): labels for name, labels in gold_labels(read_answers(paths)).items()}
    if "" in found and len(names) == 1:
        found = {names[0]: found.pop("")} | found
    if not set(found) & set(names):
        raise ValueError(
            f"--concept-labels holds labels of {named(found)}, this audit uses {named(names)}: name the concept "
            "as it was labelled"
        )
    notes = [f"Labels of {name!r} are not used: this audit has no such concept." for name in found if name not in names]
    for name in names:
        if name in found:
            notes += [f"{name}: {note}" for note in found[name].notes(ids)]
    return {name: found[name].of(ids) for name in names if name in found}, notes


def _text_tower(features: FeatureSet, encoder: str) -> VisionEncoder:
    """The encoder whose texts live in the space of these features."""
    from affect_workbench.probes.encoders.names import name_of, tag_of
    from affect_workbench.probes.encoders.vision import vision_encoder

    spec = features.spec
    try:
        name = encoder or name_of(spec)
    except ValueError as error:
        raise ValueError(
            f"prompts need the text tower of the encoder that made the features; {error}: "
            "name it with --concept-encoder open_clip:MODEL/TAG (or MODEL/FILE, transformers:PATH)"
        ) from error
    tower = vision_encoder(name)
    if tower.spec.width != spec.width:
        raise ValueError(
            f"{name} is {tower.spec.width} wide, the features are {spec.width}: name the encoder that made them, or give "
            "features of this one with --concept-features"
        )
    if spec.encoder != "unknown" and (spec.encoder, tag_of(spec)) != (tower.spec.encoder, tag_of(tower.spec)):
        raise ValueError(
            f"the features are of {spec.in_words()}, not of {tower.spec.in_words()}: their embedding spaces "
            "differ; encode the pictures with it and give them with --concept-features"
        )
    return tower
