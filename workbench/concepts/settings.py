"""What can be said about concepts, to `audit` and to `label`?"""

from __future__ import annotations

from dataclasses import dataclass

from affect_workbench.workbench.interface.fields import option


@dataclass(frozen=True)
class ConceptSettings:
    """Attributes that prompts or directions give, and what people answered about them; part of `audit`."""

    concepts: tuple[str, ...] = option(
        (), "prompts that become attributes ('prompt | opposite'), files of them, or direction files (.npy, .npz)", many=True
    )
    concept_encoder: str = option("", "encoder whose text tower reads the prompts; the features' own when not given")
    concept_features: str = option(
        "", "features of the same pictures by another encoder, to score concepts in; those predicted from when not given"
    )
    concept_project: str = option(
        "auto",
        "project prompts off the emotion words: yes, no, or auto: those that lean toward one, in what was predicted from",
    )
    gold: tuple[str, ...] = option(
        (), "labels.csv of concepts, written by `label` and the app; several are put together", many=True
    )
    concept_outcome: str = option(
        "", "column that concepts are held against random directions on; what is predicted when not given"
    )


@dataclass(frozen=True)
class LabelSettings:
    """Draw pictures that people shall label, so that skews of an inferred attribute can be calibrated; the app asks them."""

    run: str = option("", "run folder of an audit with --concepts", required=True, positional=True)
    concept: str = option("", "the concept; not needed where the run has one only")
    out: str = option("", "label folder to write; labels/CONCEPT when not given", short="-o")
    size: int = option(600, "pictures to ask about; 200 answers are needed, 600 make most skews sure to 2 points")
    seed: int = option(0, "seed of the draw")
