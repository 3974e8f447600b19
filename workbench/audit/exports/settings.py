"""What can be set for the command `export`?"""

from __future__ import annotations

from dataclasses import dataclass

from affect_workbench.workbench.interface import fields
from affect_workbench.workbench.interface.fields import option, path_option

KINDS = ("csv", "bias-profile", "model-card", "eee", "croissant", "fiftyone", "mlflow", "wandb")


@dataclass(frozen=True)
class ExportSettings:
    """Write a finished audit for other tools: tables, a bias profile, a card, a tracker."""

    run: str = fields.finished_run()
    to: str = option("", f"what to write: {', '.join(KINDS)} (eee: Every Eval Ever)", required=True)
    out: str = path_option(
        "",
        "folder to write; default: RUN-KIND beside the run. With mlflow and wandb: a local store instead of your own",
        short="-o",
    )
    model: str = option("", "DEVELOPER/NAME of the audited model; default: provider and name of the audited system")
    creator: str = option("", "who answers for this audit or its table: a person, or an organisation")
    license: str = option("", "licence of the audited data; default: the one stated of the audited system")
    url: str = option("", "web address of the audited data, for croissant")
    project: str = option("affect-workbench", "experiment of mlflow, or project of wandb")
    copy_pictures: bool = option(False, "with fiftyone: copy the pictures into the folder instead of pointing to them")
    overwrite: bool = fields.overwrite()
