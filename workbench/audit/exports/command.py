"""How does a finished audit become files, or a run, of another tool?"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.storage.atomic import atomic_folder, write_bytes
from affect_workbench.workbench.audit.exports.audited import AuditedModel
from affect_workbench.workbench.audit.exports.settings import KINDS, ExportSettings
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.options import did_you_mean
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.runs.flat import csv_bytes, flat_tables
from affect_workbench.workbench.runs.reviews import load_reviews
from affect_workbench.workbench.runs.store import load_audit

_TRACKERS = ("mlflow", "wandb")


def export_run(settings: ExportSettings, *, say: Say = print) -> None:
    """Writes a finished audit for another tool, or logs it there.

    Raises:
        FileExistsError: the folder exists.
        FileNotFoundError: no such run.
        ValueError: no such kind, or the run lacks what it asks for (see the modules of each).
    """
    if settings.to not in KINDS:
        raise ValueError(f"--to {settings.to}: expected one of {', '.join(KINDS)}{did_you_mean(settings.to, KINDS)}")
    if settings.to in _TRACKERS:
        from affect_workbench.workbench.audit.exports import trackers

        log = trackers.log_to_mlflow if settings.to == "mlflow" else trackers.log_to_wandb
        run = Path(os.path.abspath(settings.run))
        say(f"{settings.to}: {log(load_audit(run), run, project=settings.project, store=settings.out)}")
        return
    beside = settings.run.rstrip("/\\") + f"-{settings.to}"
    _write(settings if settings.out else replace(settings, out=beside), say)


@writes_out()
def _write(settings: ExportSettings, say: Say) -> None:
    result = load_audit(settings.run)
    out = Path(settings.out)
    with atomic_folder(out, overwrite=settings.overwrite) as partial:
        notes = _written(settings, result, partial)
    for note in notes:
        say(f"note: {note}")
    say(f"{settings.to}: {out}")


def _written(settings: ExportSettings, result: AuditResult, folder: Path) -> list[str]:
    """Writes the files of the kind into the folder; sentences about what is not in them."""
    model = AuditedModel.of(result, given=settings.model)
    if settings.to == "csv":
        for name, table in flat_tables(result):
            write_bytes(folder / name, csv_bytes(table))
    elif settings.to == "bias-profile":
        from affect_workbench.workbench.audit.exports.bias_profile import write_bias_profile

        write_bias_profile(result, folder, load_reviews(settings.run))
    elif settings.to == "model-card":
        from affect_workbench.workbench.audit.exports.model_card import write_model_card

        write_model_card(result, folder, model)
    elif settings.to == "eee":
        from affect_workbench.workbench.audit.exports.every_eval_ever import write_every_eval_ever

        write_every_eval_ever(result, folder, model, creator=settings.creator)
    elif settings.to == "croissant":
        from affect_workbench.workbench.audit.exports.croissant import write_croissant

        write_croissant(result, folder, url=settings.url, license=settings.license, creator=settings.creator)
    else:
        from affect_workbench.workbench.audit.exports.fiftyone import write_fiftyone

        return write_fiftyone(result, folder, copy_pictures=settings.copy_pictures)
    return []
