"""How does a finished audit get its empirical false-alarm rate?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.permutation_check import PermutationCheck, Permutations, permutation_check
from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.slices.attribute_kinds import kinds_of
from affect_workbench.data.storage.atomic import write_text
from affect_workbench.data.storage.leftovers import identity
from affect_workbench.data.storage.progress import progress_bar
from affect_workbench.workbench.audit.settings import PermutationCheckSettings
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.report.html import report_html
from affect_workbench.workbench.runs.reviews import load_reviews
from affect_workbench.workbench.runs.store import load_audit, save_permutation_check


def check_permutations(settings: PermutationCheckSettings, *, say: Say = print) -> PermutationCheck:
    """Permutes the run's own predictions, keeps the outcome in the run folder, and writes the report again with it.

    Raises:
        FileNotFoundError: no such run.
        ValueError: the run was replaced meanwhile, or see `analyses.audit.permutation_check.permutation_check`.
    """
    asked = identity(Path(settings.run))
    result = load_audit(settings.run)
    if not result.has_predictions:
        raise ValueError(f"{settings.run} compares numeric outcomes only: there are no predictions to permute")
    with progress_bar(total=settings.permutations, desc="permuting", unit=" permutations") as bar:
        outcome = permutation_check(
            result.samples,
            result.taxonomy,
            config=audit_config(result),
            inferred=frozenset(result.run.inferred),
            progress=lambda done: bar.update(done - bar.n),
            permutations=Permutations(times=settings.permutations, seed=settings.seed, within=settings.within),
        )
    if identity(Path(settings.run)) != asked:
        raise ValueError(
            f"{settings.run} was replaced by another run in the meantime, so nothing was stored in it: run the command again"
        )
    save_permutation_check(outcome, settings.run)
    say(outcome.sentence)
    target = Path(settings.run) / "report.html"
    write_text(target, report_html(replace(result, permutation_check=outcome), reviews=load_reviews(settings.run)))
    say(f"report: {target}")
    return outcome


def audit_config(result: AuditResult) -> AuditConfig:
    """The configuration an audit ran with, its attributes named, its numbers cut or not as in its slices."""
    numeric, categorical = kinds_of(result.slices["where"])
    return replace(result.run.config, attributes=result.run.attributes, numeric=numeric, categorical=categorical)
