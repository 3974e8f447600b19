"""How do words and vectors on the command line become attributes of the audited pictures?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from data.concepts import Concept, PromptPair, read_directions, read_prompt_pairs
from data.features import FeatureSet
from data.taxonomy import Taxonomy
from workbench.concept_sentences import STANDING_WARNING, in_words

if TYPE_CHECKING:
    from probes.vision import VisionEncoder

_FILES = (".csv", ".tsv", ".txt")
_DIRECTIONS = (".npy", ".npz")
_EVOKES = "a photo that evokes {}"


def with_concepts(
    given: Sequence[str], features: FeatureSet, rows: pd.DataFrame, *,
    taxonomy: Taxonomy, encoder: str = "", outcome: str = "", seed: int = 0,
) -> tuple[pd.DataFrame, list[str], list[str]]:  # fmt: skip
    """The rows with one inferred attribute a concept, the names of these, and what a reader must know of each.

    Args:
        given: prompts (`prompt` or `prompt | opposite`), files of prompts, files of directions.
        features: of the same pictures, in the order of `rows`.
        rows: one row a picture, with whatever was joined; true values of a concept and the outcome are found here.
        taxonomy: the emotion labels that directions are compared with.
        encoder: the encoder with the text tower; the one that made the features when not given.
        outcome: the column that concepts are compared with random directions on; `valence`, else `label`, when not given.
        seed: of draws and folds.

    Raises:
        ValueError: a concept that cannot be read, an encoder without a text tower, or another one than the features'.
    """
    from analyses.concepts import concept_attributes

    pairs: list[PromptPair] = []
    concepts: list[Concept] = []
    for item in given:
        suffix = Path(item).suffix.lower()
        if suffix in _DIRECTIONS:
            concepts += read_directions(Path(item), width=features.spec.width)
        elif suffix in _FILES:
            pairs += read_prompt_pairs(Path(item))
        else:
            pairs.append(PromptPair.of(*(part.strip() for part in item.split("|"))))
    anchors = None
    if pairs:
        from probes.concepts import prompt_concepts

        tower = _text_tower(features, encoder)
        concepts += prompt_concepts(pairs, tower.encode_text)
        words = tower.encode_text([_EVOKES.format(label) for label in taxonomy.labels])
        anchors = dict(zip(taxonomy.labels, words.astype("float64"), strict=True))
    outcome = outcome or next((name for name in ("valence", "label") if name in rows), "")
    named, reports = concept_attributes(
        rows, features.values, concepts,
        truth={pair.name: pair.truth for pair in pairs if pair.truth}, outcome=outcome or None, anchors=anchors, seed=seed,
    )  # fmt: skip
    said = dict.fromkeys(sentence for report in reports for sentence in in_words(report))
    notes = [sentence for sentence in said if sentence != STANDING_WARNING]
    return named, [report.column for report in reports], notes


def _text_tower(features: FeatureSet, encoder: str) -> VisionEncoder:
    """The encoder whose texts live in the space of these features."""
    from probes.encoder_names import name_of, tag_of
    from probes.vision import vision_encoder

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
            f"{name} is {tower.spec.width} wide, the features are {spec.width}: name the encoder that made them"
        )
    if spec.encoder != "unknown" and (spec.encoder, tag_of(spec)) != (tower.spec.encoder, tag_of(tower.spec)):
        raise ValueError(f"the features are of {spec.in_words()}, not of {tower.spec.in_words()}: their spaces differ")
    return tower
