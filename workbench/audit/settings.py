"""What can be said to the commands that look for skew: audit, compare, selftest?"""

from __future__ import annotations

from dataclasses import dataclass, field

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.workbench.concepts.settings import ConceptSettings
from affect_workbench.workbench.interface import fields
from affect_workbench.workbench.interface.fields import option


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
    inferred: ConceptSettings = field(default_factory=ConceptSettings)
    audit: AuditConfig = field(default_factory=AuditConfig)


@dataclass(frozen=True)
class CompareSettings:
    """Compare two models or versions on the same pictures: which skews grew, which shrank, which pictures flipped."""

    run_a: str = option("", "run folder of the first, usually what is in use", required=True, positional=True)
    run_b: str = option("", "run folder of the second, usually what shall replace it", required=True, positional=True)
    out: str = option("", "folder to write compare.html and its tables to", required=True, short="-o")
    fail_on: str = option("", "worse: exit with 1 when a skew grew; worse:0.05: when it surely grew by over 5 points")
    overwrite: bool = fields.overwrite()


@dataclass(frozen=True)
class SelftestSettings:
    """Deal a run's predictions out at random and say how often the audit's own rules then raise an alarm."""

    run: str = fields.finished_run()
    times: int = option(200, "how often to deal out")
    within: tuple[str, ...] = option((), "columns that predictions stay within, e.g. the data set, with commas")
    seed: int = option(0, "seed of the deals")
