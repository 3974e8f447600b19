"""What can be said on the command line or in a TOML file, and what does each word mean?

One dataclass a command; its field docs are the command line's help (`workbench.options` reads flags and files into it).
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analyses.config import AuditConfig
from analyses.discovery.config import DiscoveryConfig
from probes.config import FitConfig


def _option(default: Any, text: str, **more: Any) -> Any:
    return field(default=default, metadata={"help": text, **more})


_TAXONOMY = "ekman6, mikels8, parrott6, webemo25, polarity, or a .toml file of your own"
_ANSWER_AT = "accuracy asked for where unsure pictures may stay unanswered; it says how many could be answered then"


@dataclass(frozen=True)
class DataSettings:
    """Recognise a dataset's layout, count its pictures, list every problem, and write its manifest."""

    root: str = _option(
        "", "folder of pictures, or a CSV, JSONL or Parquet table with a column path", required=True, positional=True
    )
    out: str = _option("", "manifest folder to write; nothing is written when not given", short="-o")
    layout: str = _option("", "the layout, where it is not recognised by itself")
    every: bool = _option(False, "list every problem, not the first three of each kind")
    overwrite: bool = _option(False, "replace the manifest that is there")


@dataclass(frozen=True)
class FeaturesSettings:
    """Encode the pictures of a manifest; goes on where it was interrupted, and encodes only what is new."""

    manifest: str = _option("", "manifest folder, or a table with a column path", required=True, positional=True)
    encoder: str = _option(
        "", "open_clip:MODEL/TAG, open_clip:MODEL/CHECKPOINT-FILE, hf-hub:NAME, transformers:NAME or builtin:scenes",
        required=True,
    )  # fmt: skip
    out: str = _option("", "feature folder to write", required=True, short="-o")
    device: str = _option("auto", "cpu, cuda, mps, or auto for the fastest there is")
    precision: str = _option("auto", "float32, bfloat16, float16; auto takes half on a GPU, full elsewhere")
    workers: int = _option(-1, "processes that open pictures; -1 for one a core, 0 for none")


@dataclass(frozen=True)
class OverlapSettings:
    """Look for pictures that are in both of two sets: exact copies and near copies, with the pairs to look at."""

    a: str = _option("", "manifest or feature folder, usually what was trained on", required=True, positional=True)
    b: str = _option("", "another one, usually the test set; the splits of the first when not given", positional=True)
    out: str = _option("runs/overlap", "folder to write overlap.html and pairs.csv to", short="-o")
    threshold: float = _option(0.0, "cosine from which features are a near copy; calibrated on the data when 0")
    hashes: bool = _option(True, "compare perceptual hashes of the picture files too")
    overwrite: bool = _option(False, "replace the folder that is there")


@dataclass(frozen=True)
class TrainSettings:
    """Train a Metric Projector on features and say how well it reads pictures that it has not seen."""

    features: str = _option("", "feature folder, TinyEmo tree, or a table beside an .npy", required=True)
    out: str = _option("", "probe folder to write", required=True, short="-o")
    also: tuple[str, ...] = _option((), "more sets to train on together, each with its own labels", many=True)
    also_taxonomies: tuple[str, ...] = _option((), "labels of the sets of --also, one each, like --taxonomy", many=True)
    taxonomy: str = _option("", f"{_TAXONOMY}; the labels found when not given")
    split: str = _option("", "train on this split only; 'train' when there are several")
    val_split: str = _option("", "choose the epoch on this split; 'val' where there is one; 'none': on a held-out share")
    holdout: float = _option(0.2, "share held out to measure accuracy, when there is no split 'test'")
    folds: int = _option(0, "cross-validate with this many folds and write out-of-fold predictions")
    seeds: int = _option(1, "train this often, with seeds from --seed on, and say how much accuracy depends on them")
    encoder: str = _option("unknown", "what made the features, where the data do not say")
    id_column: str = _option("", "id column of a table of features")
    allow_overlap: bool = _option(False, "go on with a warning when test pictures are in the training set")
    overwrite: bool = _option(False, "replace the probe that is there")
    fit: FitConfig = field(default_factory=FitConfig)


@dataclass(frozen=True)
class SweepSettings:
    """Search settings of the Metric Projector on folds, within a time; what is given other than its default stays so."""

    features: str = _option("", "feature folder, TinyEmo tree, or a table beside an .npy", required=True)
    out: str = _option("", "folder to write best.toml and trials.csv to", required=True, short="-o")
    taxonomy: str = _option("", f"{_TAXONOMY}; the labels found when not given")
    split: str = _option("", "use this split only; 'train' where there are splits, so that 'test' stays unseen")
    minutes: float = _option(5.0, "time for all of it, counted over interruptions; 0 for no limit, with --trials")
    trials: int = _option(0, "settings to try at most; 0 for as many as the time allows")
    folds: int = _option(3, "parts of the pictures; each is read once by a probe trained on the others")
    keep: tuple[str, ...] = _option((), "settings not to search though they have their default, e.g. loss,epochs")
    encoder: str = _option("unknown", "what made the features, where the data do not say")
    id_column: str = _option("", "id column of a table of features")
    overwrite: bool = _option(False, "replace the folder that is there")
    fit: FitConfig = field(default_factory=FitConfig)


@dataclass(frozen=True)
class ImportTinyemoSettings:
    """Turn a projector that TinyEmo published into a probe folder, to evaluate and audit like any other."""

    path: str = _option("", "folder with pytorch_model.bin and config.json, or the file", required=True, positional=True)
    out: str = _option("", "probe folder to write", required=True, short="-o")
    taxonomy: str = _option("", f"labels to read pictures against: {_TAXONOMY}", required=True)
    anchors: str = _option("", "label anchors, token:MODEL; the language model that config.json names when not given")
    template: str = _option("{}", "phrase the label goes into, {} stands for it; the published code takes the bare label")
    encoder: str = _option("", "what makes the features; the vision tower that config.json names when not given")
    features: str = _option("", "features that it shall read; what made them, and their mean, is taken from there")
    temperature: float = _option(0.1, "divides cosines in the probabilities; the checkpoint has none")
    overwrite: bool = _option(False, "replace the probe that is there")


@dataclass(frozen=True)
class AnchorsSettings:
    """Show how label anchors lie to each other, whether that follows their meaning, and how well they can be told apart."""

    taxonomy: str = _option("", _TAXONOMY, required=True)
    anchors: str = _option(
        FitConfig.anchors, "sentence:, token:, output: or hidden:MODEL (folder, hub name, short name), or clip:ENCODER"
    )
    template: str = _option(FitConfig.template, "phrase the label goes into, {} stands for it; several with | between them")
    out: str = _option("", "folder to write anchors.html and its tables to; nothing is written when not given", short="-o")
    overwrite: bool = _option(False, "replace the folder that is there")


@dataclass(frozen=True)
class EvaluateSettings:
    """Measure a probe and its baselines on labelled features."""

    features: str = _option(
        "", "feature folder, TinyEmo tree, or a table beside an .npy; or --datasets", required=True, instead="datasets"
    )
    datasets: tuple[str, ...] = _option(
        (), "several of them, as PATH or NAME=PATH: one table, zero-shot where labels differ, beside baselines", many=True
    )
    probe: tuple[str, ...] = _option(
        (), "probe folder; with --datasets several that differ in their seed only", required=True, many=True
    )
    taxonomies: tuple[str, ...] = _option(
        (), "labels of --datasets, one for all or one each; by name or by the labels found when not given", many=True
    )
    split: str = _option("", "use this split only; with --datasets 'test' where there is one")
    unseen_only: bool = _option(False, "leave out pictures that the probe was trained on")
    encoder: str = _option("unknown", "what made the features, where the data do not say")
    id_column: str = _option("", "id column of a table of features")
    answer_at: float = _option(0.9, _ANSWER_AT)
    out: str = _option("", "folder to write HTML, JSON and CSV to; with --datasets Markdown and LaTeX too", short="-o")
    overwrite: bool = _option(False, "replace the folder that is there")


@dataclass(frozen=True)
class ReproduceSettings:
    """Run a published table on your copies of its datasets: table-viii is TinyEmo's, with its reported figures beside.

    Without --probe one is trained first, on those of EmotionROI, EmoSet and WEBEmo that are there, together.
    """

    table: str = _option("", "which table: table-viii", required=True, positional=True)
    root: str = _option("", "folder that holds datasets: pictures, feature folders or TinyEmo trees", required=True)
    probe: tuple[str, ...] = _option(
        (), "probe folder; several that differ in their seed only; one is trained when not given", many=True
    )
    seeds: int = _option(1, "without --probe: train this often, with seeds from --seed on")
    encoder: str = _option("", "encodes pictures and reads labels zero-shot; the probe's own when not given")
    workers: int = _option(-1, "processes that open pictures; -1 for one a core, 0 for none")
    split: str = _option("", "use this split only; 'test' where there is one")
    unseen_only: bool = _option(False, "leave out pictures that the probe was trained on")
    answer_at: float = _option(0.9, _ANSWER_AT)
    out: str = _option("", "folder to write HTML, Markdown, LaTeX and CSV to; a trained probe goes to OUT-probe", short="-o")
    overwrite: bool = _option(False, "replace the folder that is there, and the probe that was trained")
    fit: FitConfig = field(default_factory=FitConfig)


@dataclass(frozen=True)
class AuditSettings:
    """Slice predictions by attributes, say what is skewed, and write a run folder with an HTML report."""

    out: str = _option("", "run folder to write", required=True, short="-o")
    features: str = _option("", "features to predict with --probe")
    probe: str = _option("", "probe folder, with --features")
    predictions: str = _option(
        "", "table of anyone's predictions, or a probe folder made with --folds; instead of --features"
    )
    attributes: tuple[str, ...] = _option((), "a table to join by id (ratings.csv), attribute names, or both, with commas")
    scores_prefix: str = _option("", "score columns of --predictions start with this")
    votes_prefix: str = _option("", "vote columns of --predictions start with this")
    taxonomy: str = _option("", "labels of --predictions; those found when not given")
    id_column: str = _option("", "id column of --predictions or of a table of features")
    concepts: tuple[str, ...] = _option(
        (), "prompts that become attributes ('prompt | opposite'), files of them, or direction files (.npy, .npz)", many=True
    )
    concept_encoder: str = _option("", "encoder whose text tower reads the prompts; the features' own when not given")
    concept_features: str = _option(
        "", "features of the same pictures by another encoder, to score concepts in; those predicted from when not given"
    )
    concept_project: str = _option(
        "auto",
        "project prompts off the emotion words: yes, no, or auto: those that lean toward one, in what was predicted from",
    )
    gold: tuple[str, ...] = _option(
        (), "labels.csv of concepts, written by `label` and the app; several are put together", many=True
    )
    concept_outcome: str = _option(
        "", "column that concepts are held against random directions on; valence, else label, when not given"
    )
    wordings: tuple[str, ...] = _option(
        (),
        "other phrases to ask for the labels with ('a {} scene'), or synonyms: how many labels flip; with --probe",
        many=True,
    )
    split: str = _option("", "audit this split only")
    unseen_only: bool = _option(False, "leave out pictures that the probe was trained on")
    encoder: str = _option("unknown", "what made the features, where the data do not say")
    training: str = _option("", "features or table of the training pictures, with labels and attributes: bias amplification")
    valence: str = _option("", "your table of words and their valence (columns label, valence); polarity when not given")
    answer_at: float = _option(0.9, _ANSWER_AT)
    review_from: str = _option("", "run folder whose reviews are carried over; those of a run that is replaced always are")
    fail_on: str = _option("", "skewed: exit with 1 when anything is; skewed:0.05: when it surely is by over 5 points")
    fail_on_skew: bool = _option(False, "the same as --fail-on skewed")
    overwrite: bool = _option(False, "replace the run that is there")
    audit: AuditConfig = field(default_factory=AuditConfig)


@dataclass(frozen=True)
class DiscoverSettings:
    """Look for groups of pictures, named by no attribute, that are read otherwise than labelled; check them held out."""

    out: str = _option("", "folder to write discover.html, slices.csv and members.parquet to", required=True, short="-o")
    features: str = _option("", "feature folder, TinyEmo tree, or a table beside an .npy", required=True)
    probe: str = _option("", "probe folder to predict with")
    predictions: str = _option(
        "", "table of anyone's predictions of these pictures, or a probe folder made with --folds; instead of --probe"
    )
    attributes: tuple[str, ...] = _option((), "tables to join by id, whose attributes slices may be named by, with commas")
    scores_prefix: str = _option("", "score columns of --predictions start with this")
    votes_prefix: str = _option("", "vote columns of --predictions start with this")
    id_column: str = _option("", "id column of a table")
    split: str = _option("", "use this split only")
    unseen_only: bool = _option(False, "leave out pictures that the probe was trained on")
    encoder: str = _option("unknown", "what made the features, where the data do not say")
    overwrite: bool = _option(False, "replace the folder that is there")
    discovery: DiscoveryConfig = field(default_factory=DiscoveryConfig)


@dataclass(frozen=True)
class ReportSettings:
    """Write the HTML report of a finished audit again."""

    run: str = _option("", "run folder", required=True, positional=True)
    out: str = _option("", "HTML file to write; the run's report.html when not given", short="-o")


@dataclass(frozen=True)
class ReviewSettings:
    """List what people decided about the findings of a run, and which skews nobody has reviewed yet."""

    run: str = _option("", "run folder", required=True, positional=True)
    history: bool = _option(False, "list every decision that was ever made, not only those that count")
    out: str = _option("", "CSV file to write them to as well", short="-o")


@dataclass(frozen=True)
class LabelSettings:
    """Draw pictures that people shall label, so that skews of an inferred attribute can be calibrated; the app asks them."""

    run: str = _option("", "run folder of an audit with --concepts", required=True, positional=True)
    concept: str = _option("", "the concept; not needed where the run has one only")
    out: str = _option("", "label folder to write; labels/CONCEPT when not given", short="-o")
    size: int = _option(600, "pictures to ask about; 200 answers are needed, 600 make most skews sure to 2 points")
    seed: int = _option(0, "seed of the draw")


@dataclass(frozen=True)
class CompareSettings:
    """Compare two models or versions on the same pictures: which skews grew, which shrank, which pictures flipped."""

    run_a: str = _option("", "run folder of the first, usually what is in use", required=True, positional=True)
    run_b: str = _option("", "run folder of the second, usually what shall replace it", required=True, positional=True)
    out: str = _option("", "folder to write compare.html and its tables to", required=True, short="-o")
    fail_on: str = _option("", "worse: exit with 1 when a skew grew; worse:0.05: when it surely grew by over 5 points")
    overwrite: bool = _option(False, "replace the folder that is there")


@dataclass(frozen=True)
class SelftestSettings:
    """Deal a run's predictions out at random and say how often the audit's own rules then raise an alarm."""

    run: str = _option("", "run folder", required=True, positional=True)
    times: int = _option(200, "how often to deal out")
    within: tuple[str, ...] = _option((), "columns that predictions stay within, e.g. the data set, with commas")
    seed: int = _option(0, "seed of the deals")


@dataclass(frozen=True)
class BenchSettings:
    """PlantedSkew: data whose right answer is known, every test and search of the workbench on them, beside other tools."""

    out: str = _option("runs/bench", "folder to write bench.html, bench.md and the finished blocks to", short="-o")
    quick: bool = _option(False, "fewer and smaller data sets: under a minute; speed and pictures are not judged")
    seed: int = _option(0, "seed of all data; any other seed must pass too")
    workers: int = _option(1, "processes that work on blocks side by side; times are taken alone")
    features: str = _option("", "labelled feature folder or TinyEmo tree on which slices are induced too")
    taxonomy: str = _option("", "labels of --features; those found when not given")
    pictures: int = _option(3_000, "pictures to draw and encode for slices in pictures, in a full run; 0 for none")
    only: tuple[str, ...] = _option((), "experiments to run, by name, with commas; all when not given")
    overwrite: bool = _option(False, "throw away blocks of other settings or of another version")


@dataclass(frozen=True)
class AppSettings:
    """Open the app on the newest run, or on one run, in the browser."""

    run: str = _option("", "run folder to open, or the folder of an overlap", positional=True)
    runs: str = _option("runs", "folder to look for runs in")
    labels: str = _option("labels", "folder to look for label folders in")
    port: int = _option(8501, "port of the local server")
    headless: bool = _option(False, "do not open a browser")


@dataclass(frozen=True)
class DemoSettings:
    """Draw pictures, plant a bias in the training labels, encode, train a probe, audit it: the whole road."""

    out: str = _option("runs/demo", "folder to write pictures, features, probe and audit to", short="-o")
    bias: bool = _option(True, "plant the bias; --no-bias trains on fair labels")
    table: bool = _option(False, "plant in made-up features instead of pictures (faster, three kinds of bias)")
    pictures: int = _option(4_000, "pictures to draw, half of them to audit; with --table all of them are audited")
    seed: int = _option(0, "seed of the data, the training and the map")
    show: bool = _option(True, "open the report in the browser when run from a desktop terminal")


COMMANDS: Mapping[str, type[Any]] = types.MappingProxyType(
    {
        "demo": DemoSettings,
        "data": DataSettings,
        "features": FeaturesSettings,
        "overlap": OverlapSettings,
        "train": TrainSettings,
        "sweep": SweepSettings,
        "import-tinyemo": ImportTinyemoSettings,
        "anchors": AnchorsSettings,
        "evaluate": EvaluateSettings,
        "reproduce": ReproduceSettings,
        "audit": AuditSettings,
        "compare": CompareSettings,
        "selftest": SelftestSettings,
        "bench": BenchSettings,
        "discover": DiscoverSettings,
        "review": ReviewSettings,
        "label": LabelSettings,
        "report": ReportSettings,
        "app": AppSettings,
    }
)
"""Command -> its settings, in the order of the help."""
