"""An audit as a run of MLflow or Weights & Biases, through their own client libraries."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.workbench.audit.exports.audited import audit_choices, audit_numbers
from affect_workbench.workbench.report.first_page.headline import headline
from affect_workbench.workbench.runs.flat import CAUSES_CSV, FINDINGS_CSV

_ARTIFACTS = ("report.html", FINDINGS_CSV, CAUSES_CSV, "findings.json", "audit.json")
"""Files of a run folder that are logged, those of them that are there."""
_MOST_TEXT = 500
"""Characters of a parameter that MLflow takes."""


def log_to_mlflow(result: AuditResult, run: Path, *, project: str, store: str = "") -> str:
    """Logs an audit as one run of MLflow.

    Args:
        result: the audit.
        run: its folder, whose files become artifacts.
        project: the experiment.
        store: a folder for a local store; else where `MLFLOW_TRACKING_URI` leads.

    Returns:
        Where it is, in words.

    Raises:
        ValueError: MLflow is not installed.
    """
    mlflow = _client("mlflow")
    if store:
        Path(store).mkdir(parents=True, exist_ok=True)
        mlflow.set_tracking_uri(f"sqlite:///{Path(store).resolve() / 'mlflow.db'}")
        if mlflow.get_experiment_by_name(project) is None:
            mlflow.create_experiment(project, artifact_location=(Path(store).resolve() / "artifacts").as_uri())
    mlflow.set_experiment(project)
    with mlflow.start_run(run_name=run.name) as started:
        mlflow.log_params({name: str(value)[:_MOST_TEXT] for name, value in audit_choices(result).items()})
        mlflow.log_metrics(audit_numbers(result))
        mlflow.set_tag("headline", headline(result))
        for path in _artifacts(run):
            mlflow.log_artifact(str(path))
        return f"run {started.info.run_id} of experiment {project} at {mlflow.get_tracking_uri()}"


def log_to_wandb(result: AuditResult, run: Path, *, project: str, store: str = "") -> str:
    """Logs an audit as one run of Weights & Biases; see `log_to_mlflow`.

    Args:
        result: the audit.
        run: its folder, whose files become an artifact.
        project: the project.
        store: a folder for a run that stays offline; else what the client is set to.

    Raises:
        ValueError: the client is not installed.
    """
    wandb = _client("wandb")
    if store:
        Path(store).mkdir(parents=True, exist_ok=True)
    where = {"mode": "offline", "dir": store} if store else {}
    with wandb.init(project=project, name=run.name, job_type="audit", config=audit_choices(result), **where) as started:
        started.summary.update(audit_numbers(result) | {"headline": headline(result)})
        artifact = wandb.Artifact(f"audit-{run.name}", type="audit")
        for path in _artifacts(run):
            artifact.add_file(str(path))
        started.log_artifact(artifact)
        return f"run {started.id} of project {project} at {started.dir if store else started.url}"


def _client(name: str) -> Any:
    # Neither reports on its own use; what is logged goes where the user's settings say.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ValueError(f"{name} is not installed: pip install 'affect-workbench[{name}]'") from error


def _artifacts(run: Path) -> list[Path]:
    return [run / name for name in _ARTIFACTS if (run / name).is_file()]
