"""What can be said to the commands that make a probe or show its labels: train, sweep, import-tinyemo, anchors?"""

from __future__ import annotations

from dataclasses import dataclass, field

from affect_workbench.probes.config import FitConfig
from affect_workbench.workbench.interface import fields
from affect_workbench.workbench.interface.fields import option


@dataclass(frozen=True)
class TrainSettings:
    """Train a Metric Projector on features and say how well it reads pictures that it has not seen."""

    features: str = fields.features()
    out: str = fields.probe_out()
    also: tuple[str, ...] = option((), "more sets to train on together, each with its own labels", many=True)
    also_taxonomies: tuple[str, ...] = option((), "labels of the sets of --also, one each, like --taxonomy", many=True)
    taxonomy: str = fields.taxonomy()
    split: str = option("", "train on this split only; 'train' when there are several")
    val_split: str = option("", "choose the epoch on this split; 'val' where there is one; 'none': on a held-out share")
    holdout: float = option(0.2, "share held out to measure accuracy, without a split 'test'; 0: train on everything")
    folds: int = option(0, "cross-validate with this many folds and write out-of-fold predictions")
    seeds: int = option(1, "train this often, with seeds from --seed on, and say how much accuracy depends on them")
    encoder: str = fields.encoder()
    id_column: str = fields.id_column()
    allow_overlap: bool = option(
        False, "go on with a warning when test pictures were trained on, or used to choose the epoch"
    )
    overwrite: bool = fields.overwrite("the probe")
    fit: FitConfig = field(default_factory=FitConfig)


@dataclass(frozen=True)
class SweepSettings:
    """Search settings of the Metric Projector on folds, within a time; what is given other than its default stays so."""

    features: str = fields.features()
    out: str = option("", "folder to write best.toml and trials.csv to", required=True, short="-o")
    taxonomy: str = fields.taxonomy()
    split: str = option("", "use this split only; 'train' where there are splits, so that 'test' stays unseen")
    minutes: float = option(5.0, "time for all of it, counted over interruptions; 0 for no limit, with --trials")
    trials: int = option(0, "settings to try at most; 0 for as many as the time allows")
    folds: int = option(3, "parts of the pictures; each is read once by a probe trained on the others")
    keep: tuple[str, ...] = option((), "settings not to search though they have their default, e.g. loss,epochs")
    encoder: str = fields.encoder()
    id_column: str = fields.id_column()
    overwrite: bool = fields.overwrite()
    fit: FitConfig = field(default_factory=FitConfig)


@dataclass(frozen=True)
class ImportTinyemoSettings:
    """Turn a projector that TinyEmo published into a probe folder, to evaluate and audit like any other."""

    path: str = option("", "folder with pytorch_model.bin and config.json, or the file", required=True, positional=True)
    out: str = fields.probe_out()
    taxonomy: str = option("", f"labels to read pictures against: {fields.TAXONOMIES}", required=True)
    anchors: str = option("", "label anchors, token:MODEL; the language model that config.json names when not given")
    template: str = option("{}", "phrase the label goes into, {} stands for it; the published code takes the bare label")
    encoder: str = option("", "what makes the features; the vision tower that config.json names when not given")
    features: str = option("", "features that it shall read; what made them, and their mean, is taken from there")
    temperature: float = option(0.1, "divides cosines in the probabilities; the checkpoint has none")
    overwrite: bool = fields.overwrite("the probe")


@dataclass(frozen=True)
class AnchorsSettings:
    """Show how label anchors lie to each other, whether that follows their meaning, and how well they can be told apart."""

    taxonomy: str = option("", fields.TAXONOMIES, required=True)
    anchors: str = option(
        FitConfig.anchors, "sentence:, token:, output: or hidden:MODEL (folder, hub name, short name), or clip:ENCODER"
    )
    template: str = option(FitConfig.template, "phrase the label goes into, {} stands for it; several with | between them")
    out: str = option("", "folder to write anchors.html and its tables to; nothing is written when not given", short="-o")
    overwrite: bool = fields.overwrite()
