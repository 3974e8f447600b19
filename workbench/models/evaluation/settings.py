"""What can be set for the commands that measure a probe: evaluate, reproduce?"""

from __future__ import annotations

from dataclasses import dataclass, field

from affect_workbench.probes.config import FitConfig
from affect_workbench.workbench.interface import fields
from affect_workbench.workbench.interface.fields import option, path_option


@dataclass(frozen=True)
class EvaluateSettings:
    """Measure a probe and its baselines on labelled features."""

    features: str = fields.features(instead="datasets")
    datasets: tuple[str, ...] = path_option(
        (),
        "several feature sets, as PATH or NAME=PATH, in one table with baselines; zero-shot where labels differ",
        many=True,
    )
    probe: tuple[str, ...] = path_option(
        (), "probe folder; with --datasets also several that differ only in their seed", required=True, many=True
    )
    taxonomies: tuple[str, ...] = option(
        (), "label sets of --datasets, one for all or one each; default: by name, or the labels found", many=True
    )
    split: str = option("", "use this split only; with --datasets the default is 'test' where it exists")
    unseen_only: bool = option(
        False,
        "leave out pictures that the probe (with --datasets also a baseline) was trained on, and near-duplicates of them",
    )
    trained_on: tuple[str, ...] = fields.trained_on()
    encoder: str = fields.encoder()
    id_column: str = fields.id_column()
    target_accuracy: float = fields.target_accuracy()
    out: str = path_option("", "folder for HTML, JSON and CSV; with --datasets also Markdown and LaTeX", short="-o")
    overwrite: bool = fields.overwrite()


@dataclass(frozen=True)
class ReproduceSettings:
    """Reproduce a published table on your copies of its datasets, beside its reported figures: table-viii of TinyEmo.

    Without --probe one is trained first, on those of EmotionROI, EmoSet and WEBEmo that are present.
    """

    table: str = option("", "name of the table: table-viii", required=True, positional=True)
    root: str = path_option("", "folder that holds datasets: pictures, feature folders or TinyEmo trees", required=True)
    probe: tuple[str, ...] = path_option(
        (), "probe folder, or several that differ only in their seed; default: one is trained", many=True
    )
    seeds: int = option(1, "without --probe: number of trainings, with seeds from --seed on")
    encoder: str = option("", "encoder of pictures and of zero-shot labels; default: the probe's")
    workers: int = fields.picture_workers()
    split: str = option("", "use this split only; default: 'test' where it exists")
    unseen_only: bool = fields.unseen_only()
    target_accuracy: float = fields.target_accuracy()
    out: str = path_option(
        "", "folder for HTML, Markdown, LaTeX and CSV; a trained probe is written to OUT-probe", short="-o"
    )
    overwrite: bool = option(False, "replace the folder, and the probe that was trained, if they exist")
    fit: FitConfig = field(default_factory=FitConfig)
