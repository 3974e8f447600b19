"""What can be said to the commands that look for skew: audit, discover?"""

from __future__ import annotations

from dataclasses import dataclass, field

from analyses.config import AuditConfig
from analyses.discovery.config import DiscoveryConfig
from workbench.settings import fields
from workbench.settings.fields import option


@dataclass(frozen=True)
class AuditSettings:
    """Slice predictions by attributes, say what is skewed, and write a run folder with an HTML report."""

    out: str = option("", "run folder to write", required=True, short="-o")
    features: str = option("", "features to predict with --probe")
    probe: str = option("", "probe folder, with --features")
    predictions: str = option(
        "",
        "table of anyone's predictions, or with --outcomes of numbers alone, or a probe folder made with --folds; instead "
        "of --features",
    )
    attributes: tuple[str, ...] = option((), "a table to join by id (ratings.csv), attribute names, or both, with commas")
    pairs: str = option("", "column of pairs of pictures that differ in one attribute only; pair_id when not given")
    scores_prefix: str = fields.columns_prefix("score")
    votes_prefix: str = fields.columns_prefix("vote")
    taxonomy: str = option("", "labels of --predictions; those found when not given")
    id_column: str = option("", "id column of --predictions or of a table of features")
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
    wordings: tuple[str, ...] = option(
        (),
        "other phrases to ask for the labels with ('a {} scene'), or synonyms: how many labels flip; with --probe",
        many=True,
    )
    split: str = option("", "audit this split only")
    unseen_only: bool = fields.unseen_only()
    trained_on: tuple[str, ...] = fields.trained_on()
    encoder: str = fields.encoder()
    training: str = option("", "features or table of the training pictures, with labels and attributes: bias amplification")
    valence: str = option("", "your table of words and their valence (columns label, valence); polarity when not given")
    answer_at: float = fields.answer_at()
    system: str = option("", "TOML file that says what the system is for and where its data come from; see docs/system.toml")
    review_from: str = option("", "run folder whose reviews are carried over; those of a run that is replaced always are")
    fail_on: str = option(
        "",
        "skewed: exit with 1 when anything is; skewed:0.05: when it surely is by over 5 points (an outcome: by over 0.05 "
        "standard deviations); accuracy:0.05: when the accuracy of a slice surely differs by over 5 points",
    )
    fail_on_skew: bool = option(False, "the same as --fail-on skewed")
    overwrite: bool = fields.overwrite("the run")
    audit: AuditConfig = field(default_factory=AuditConfig)


@dataclass(frozen=True)
class DiscoverSettings:
    """Look for groups of pictures, named by no attribute, that are read otherwise than labelled; check them held out."""

    out: str = option("", "folder to write discover.html, slices.csv and members.parquet to", required=True, short="-o")
    features: str = fields.features()
    probe: str = option("", "probe folder to predict with")
    predictions: str = option(
        "", "table of anyone's predictions of these pictures, or a probe folder made with --folds; instead of --probe"
    )
    attributes: tuple[str, ...] = option((), "tables to join by id, whose attributes slices may be named by, with commas")
    scores_prefix: str = fields.columns_prefix("score")
    votes_prefix: str = fields.columns_prefix("vote")
    id_column: str = option("", "id column of a table")
    split: str = option("", "use this split only")
    unseen_only: bool = fields.unseen_only()
    trained_on: tuple[str, ...] = fields.trained_on()
    encoder: str = fields.encoder()
    overwrite: bool = fields.overwrite()
    discovery: DiscoveryConfig = field(default_factory=DiscoveryConfig)
