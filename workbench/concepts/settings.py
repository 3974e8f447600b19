"""What can be set about concepts, for `audit` and for `label`?"""

from __future__ import annotations

from dataclasses import dataclass

from affect_workbench.workbench.interface.fields import option, path_option


@dataclass(frozen=True)
class ConceptSettings:
    """Attributes inferred from prompts or directions, and the labels that people gave them; part of `audit`."""

    concepts: tuple[str, ...] = option(
        (), "prompts that become attributes ('prompt | opposite'), files of them, or direction files (.npy, .npz)", many=True
    )
    concept_encoder: str = option("", "encoder whose text tower encodes the prompts; default: that of the features")
    concept_features: str = path_option(
        "", "features of the same pictures by another encoder, for scoring concepts; default: --features"
    )
    concept_project: str = option(
        "auto", "project prompts off the label directions: yes, no, or auto (those that correlate with one, in --features)"
    )
    concept_labels: tuple[str, ...] = path_option(
        (), "labels.csv of concepts, written by `label` and the app; several are merged", many=True, was="gold"
    )
    concept_outcome: str = option("", "column to compare concepts with random directions on; default: the prediction")


@dataclass(frozen=True)
class LabelSettings:
    """Draw pictures for people to label in the app, so that skews of an inferred attribute can be calibrated."""

    run: str = option("", "run folder of an audit with --concepts", required=True, positional=True)
    concept: str = option("", "the concept; needed only if the run has several")
    out: str = path_option("", "label folder to write; default: labels/CONCEPT", short="-o")
    size: int = option(600, "pictures to label; at least 200 answers are needed, 600 estimate most skews to within 2 points")
    seed: int = option(0, "random seed of the draw")
