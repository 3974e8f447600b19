"""What can be set for the commands that look for skew: audit, compare, permutation-check?"""

from __future__ import annotations

from dataclasses import dataclass, field

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.workbench.concepts.settings import ConceptSettings
from affect_workbench.workbench.interface import fields
from affect_workbench.workbench.interface.fields import option, path_option


@dataclass(frozen=True)
class AuditSettings:
    """Slice predictions by attributes, test each slice for skew, and write a run folder with an HTML report."""

    out: str = path_option("", "run folder to write", required=True, short="-o")
    features: str = path_option("", "features to predict with --probe")
    probe: str = path_option("", "probe folder, with --features")
    predictions: str = path_option(
        "",
        "table of any model's predictions, a log of answers (lmms-eval, VLMEvalKit, Inspect, OpenAI batch, ...), a folder "
        "that ask wrote, or a probe folder made with --folds, instead of --features; with --outcomes also numbers only",
    )
    texts: str = path_option(
        "", "texts of any model about pictures, one or many a picture (CSV, JSON lines, a log of answers), not --predictions"
    )
    text_column: str = option("", "text column of --texts; default: text, answer, caption, response or output")
    keep_attribute_words: bool = option(
        False, "with --texts, count words of an attribute's own name and values too; default: left out, both figures shown"
    )
    attributes: tuple[str, ...] = option(
        (), "a table to join by id (ratings.csv), attribute names, or both, separated by commas"
    )
    pairs: str = option("", "column that names pairs of pictures that differ in one attribute only; default: pair_id")
    scores_prefix: str = fields.columns_prefix("score")
    votes_prefix: str = fields.columns_prefix("vote")
    taxonomy: str = option("", "labels of --predictions; default: those found in the data; emotions looked for in --texts")
    id_column: str = option("", "id column of --predictions, of --texts, or of features in a table")
    prompt_variants: tuple[str, ...] = option(
        (),
        "other prompt phrases for the labels ('a {} scene'), or synonyms: how many predictions change; with --probe",
        many=True,
        was="wordings",
    )
    split: str = option("", "audit this split only")
    unseen_only: bool = fields.unseen_only()
    trained_on: tuple[str, ...] = fields.trained_on()
    encoder: str = fields.encoder()
    training_data: str = path_option(
        "",
        "features or table of the training pictures, with labels and attributes: measures bias amplification",
        was="training",
    )
    valence: str = path_option(
        "", "table of the valence of labels, or of the words of --texts (columns label, valence); default: polarity"
    )
    target_accuracy: float = fields.target_accuracy()
    system: str = path_option("", "TOML file that describes the system, its purpose and its data; see docs/system.toml")
    review_from: str = path_option("", "run folder to copy reviews from; reviews of a run that is replaced are always kept")
    fail_on: str = option(
        "",
        "exit with code 1 if (skewed) any pair is skewed; (skewed:0.05) an absolute effect has a lower bound over 5 points "
        "(outcomes: 0.05 standard deviations); (accuracy:0.05) the same of a difference in accuracy; (cause:0.05) a "
        "cause that is not muted adds more than 5 points; may be given several times",
        repeat="yes",
        was={"fail_on_skew": "skewed"},
    )
    overwrite: bool = fields.overwrite("the run")
    inferred: ConceptSettings = field(default_factory=ConceptSettings)
    audit: AuditConfig = field(default_factory=AuditConfig)


@dataclass(frozen=True)
class CompareSettings:
    """Compare two models or versions on the same pictures: which skews grew or shrank, which predictions changed."""

    run_a: str = option("", "run folder of the first model, usually the one in use", required=True, positional=True)
    run_b: str = option("", "run folder of the second model, usually its replacement", required=True, positional=True)
    out: str = path_option("", "folder for compare.html and its tables", required=True, short="-o")
    fail_on: str = option(
        "", "exit with code 1 if (worse) a skew grew; (worse:0.05) the growth has a lower bound over 5 points"
    )
    overwrite: bool = fields.overwrite()


@dataclass(frozen=True)
class PermutationCheckSettings:
    """Permute a run's predictions and report how often the audit's own rules then give a false alarm."""

    run: str = fields.finished_run()
    permutations: int = option(200, "number of permutations", was="times")
    within: tuple[str, ...] = option(
        (), "permute only within equal values of these columns, e.g. the data set, separated by commas"
    )
    seed: int = option(0, "random seed of the permutations")
