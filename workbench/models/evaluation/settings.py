"""What can be said to the commands that measure a probe: evaluate, reproduce?"""

from __future__ import annotations

from dataclasses import dataclass, field

from affect_workbench.probes.config import FitConfig
from affect_workbench.workbench.interface import fields
from affect_workbench.workbench.interface.fields import option

_UNSEEN = "leave out pictures that the probe (with --datasets also a baseline) was trained on, and near copies of them"


@dataclass(frozen=True)
class EvaluateSettings:
    """Measure a probe and its baselines on labelled features."""

    features: str = fields.features(instead="datasets")
    datasets: tuple[str, ...] = option(
        (), "several of them, as PATH or NAME=PATH: one table, zero-shot where labels differ, beside baselines", many=True
    )
    probe: tuple[str, ...] = option(
        (), "probe folder; with --datasets several that differ in their seed only", required=True, many=True
    )
    taxonomies: tuple[str, ...] = option(
        (), "labels of --datasets, one for all or one each; by name or by the labels found when not given", many=True
    )
    split: str = option("", "use this split only; with --datasets 'test' where there is one")
    unseen_only: bool = option(False, _UNSEEN)
    trained_on: tuple[str, ...] = fields.trained_on()
    encoder: str = fields.encoder()
    id_column: str = fields.id_column()
    answer_at: float = fields.answer_at()
    out: str = option("", "folder to write HTML, JSON and CSV to; with --datasets Markdown and LaTeX too", short="-o")
    overwrite: bool = fields.overwrite()


@dataclass(frozen=True)
class ReproduceSettings:
    """Run a published table on your copies of its datasets: table-viii is TinyEmo's, with its reported figures beside.

    Without --probe one is trained first, on those of EmotionROI, EmoSet and WEBEmo that are there, together.
    """

    table: str = option("", "which table: table-viii", required=True, positional=True)
    root: str = option("", "folder that holds datasets: pictures, feature folders or TinyEmo trees", required=True)
    probe: tuple[str, ...] = option(
        (), "probe folder; several that differ in their seed only; one is trained when not given", many=True
    )
    seeds: int = option(1, "without --probe: train this often, with seeds from --seed on")
    encoder: str = option("", "encodes pictures and reads labels zero-shot; the probe's own when not given")
    workers: int = fields.picture_workers()
    split: str = option("", "use this split only; 'test' where there is one")
    unseen_only: bool = option(False, _UNSEEN)
    answer_at: float = fields.answer_at()
    out: str = option("", "folder to write HTML, Markdown, LaTeX and CSV to; a trained probe goes to OUT-probe", short="-o")
    overwrite: bool = option(False, "replace the folder that is there, and the probe that was trained")
    fit: FitConfig = field(default_factory=FitConfig)
