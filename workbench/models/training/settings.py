"""What can be set for the commands that make a probe or show its labels: train, sweep, import-tinyemo, anchors?"""

from __future__ import annotations

from dataclasses import dataclass, field

from affect_workbench.probes.config import FitConfig
from affect_workbench.workbench.interface import fields
from affect_workbench.workbench.interface.fields import option, path_option


@dataclass(frozen=True)
class TrainSettings:
    """Train a Metric Projector on features and measure its accuracy on pictures that it has not seen."""

    features: str = fields.features()
    out: str = fields.probe_out()
    extra_features: tuple[str, ...] = path_option(
        (), "more feature sets to train on jointly, each with its own labels", many=True, was="also"
    )
    extra_taxonomies: tuple[str, ...] = option(
        (), "label sets of --extra-features, one each, like --taxonomy", many=True, was="also_taxonomies"
    )
    taxonomy: str = fields.taxonomy()
    split: str = option("", "train on this split only; default: 'train' if there are several")
    val_split: str = option(
        "", "choose the epoch on this split; default: 'val' where it exists; 'none': on a held-out share"
    )
    holdout: float = option(0.2, "share held out to measure accuracy if there is no split 'test'; 0: train on everything")
    folds: int = option(0, "number of cross-validation folds; writes out-of-fold predictions")
    seeds: int = option(1, "number of trainings, with seeds from --seed on; reports how much accuracy depends on the seed")
    encoder: str = fields.encoder()
    id_column: str = fields.id_column()
    allow_overlap: bool = option(
        False, "warn instead of stopping if test pictures were used for training or to choose the epoch"
    )
    overwrite: bool = fields.overwrite("the probe")
    fit: FitConfig = field(default_factory=FitConfig)


@dataclass(frozen=True)
class SweepSettings:
    """Search hyper-parameters of the Metric Projector by cross-validation within a time limit; settings given stay fixed."""

    features: str = fields.features()
    out: str = path_option("", "folder for best.toml and trials.csv", required=True, short="-o")
    taxonomy: str = fields.taxonomy()
    split: str = option("", "use this split only; default: 'train' where there are splits, so that 'test' stays unseen")
    minutes: float = option(5.0, "total time limit in minutes, across interruptions; 0: no limit, with --trials")
    trials: int = option(0, "maximum number of trials; 0: as many as the time allows")
    folds: int = option(3, "number of cross-validation folds")
    keep: tuple[str, ...] = option((), "settings to keep at their default instead of searching, e.g. loss,epochs")
    encoder: str = fields.encoder()
    id_column: str = fields.id_column()
    overwrite: bool = fields.overwrite()
    fit: FitConfig = field(default_factory=FitConfig)


@dataclass(frozen=True)
class ImportTinyemoSettings:
    """Convert a published TinyEmo projector into a probe folder that can be evaluated and audited like any other."""

    path: str = option("", "folder with pytorch_model.bin and config.json, or the file", required=True, positional=True)
    out: str = fields.probe_out()
    taxonomy: str = option("", f"labels to predict: {fields.TAXONOMIES}", required=True)
    anchors: str = option("", "label anchors, token:MODEL; default: the language model that config.json names")
    template: str = option("{}", "prompt phrase with {} for the label; the published code uses the bare label")
    encoder: str = option("", "encoder of the features; default: the vision tower that config.json names")
    features: str = path_option("", "features it will be used on; encoder and feature mean are taken from them")
    temperature: float = option(0.1, "softmax temperature of the cosines; the checkpoint has none")
    overwrite: bool = fields.overwrite("the probe")


@dataclass(frozen=True)
class AnchorsSettings:
    """Show how similar label anchors are, whether this follows their meaning, and how well they can be separated."""

    taxonomy: str = option("", fields.TAXONOMIES, required=True)
    anchors: str = option(
        FitConfig.anchors, "sentence:, token:, output: or hidden:MODEL (folder, hub name, short name), or clip:ENCODER"
    )
    template: str = option(FitConfig.template, "prompt phrase with {} for the label; several separated by |")
    out: str = path_option("", "folder for anchors.html and its tables; default: nothing is written", short="-o")
    overwrite: bool = fields.overwrite()
