"""What do all exports say of an audit: whose model it was, which numbers stand for it, which findings are told?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.inference.verdicts import VERDICTS
from affect_workbench.analyses.skew.findings import on_its_own
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.report.first_page.headline import caveats, differing_strata
from affect_workbench.workbench.report.outcomes.sentences import outcome_text
from affect_workbench.workbench.report.sentences import plain_sentence
from affect_workbench.workbench.report.system.section import stated_card

NOT_PORTABLE = re.compile(r'[<>:"/\\|?*\x00-\x1f]+')
"""What no part of a path may hold on some system."""


@dataclass(frozen=True)
class AuditedModel:
    """Whose model was audited, and what it is called; either is empty where nobody said so."""

    developer: str
    name: str

    @classmethod
    def of(cls, result: AuditResult, *, given: str = "") -> AuditedModel:
        """The model as given on the command line, else as stated of the system.

        Args:
            result: the audit.
            given: `DEVELOPER/NAME`, or the name alone.
        """
        if given:
            developer, slash, name = given.partition("/")
            return cls(developer.strip(), name.strip()) if slash else cls("", given.strip())
        card = stated_card(result)
        return cls(card.provider or "", card.name or "")


def data_name(result: AuditResult) -> str:
    """What the audited data are called: the name of their file or folder."""
    for key in ("predictions", "texts", "features"):
        if given := result.run.provenance.get(key):
            return PurePath(str(given)).stem
    return result.run.source or "pictures"


def version_of(result: AuditResult) -> str:
    """The version of this project that made the audit."""
    return result.run.versions.get("affect-workbench", "unknown")


def audit_numbers(result: AuditResult) -> dict[str, float]:
    """Name -> number: how much was audited, what came out, and how accurate the model is where that is known."""
    causes, findings = result.causes, result.findings
    found: dict[str, float] = {"pictures": result.run.pictures, "pairs_tested": result.run.tested}
    found |= {f"pairs_{verdict.replace(' ', '_')}": result.count(verdict) for verdict in VERDICTS}
    if "causes" in result.tables:
        found["causes"] = len(causes)
    skewed = findings.loc[findings["verdict"] == "skewed", "effect"].abs()
    if result.has_predictions:
        found["largest_skew"] = float(skewed.max()) if len(skewed) else 0.0
    if result.accuracy is not None and len(result.accuracy.models):
        name, first = result.accuracy.measure.replace(" ", "_"), result.accuracy.models.iloc[0]
        values = {name: first["accuracy"], f"{name}_low": first["low"], f"{name}_high": first["high"]}
        found |= {key: float(value) for key, value in values.items() if np.isfinite(value)}
    return found


def audit_choices(result: AuditResult) -> dict[str, Any]:
    """Name -> what was audited and asked."""
    run = result.run
    return {
        "source": run.source,
        "data": data_name(result),
        "created": run.created,
        "labels": ", ".join(result.taxonomy.labels),
        "attributes": ", ".join(run.attributes),
        "truth": run.truth,
        **{name: getattr(run.config, name) for name in ("order", "min_count", "alpha", "tolerance", "seed")},
        "version": version_of(result),
    }


def finding_sentences(result: AuditResult) -> Iterator[str]:
    """Every skew that stands on its own, and every outcome that differs, as a sentence each."""
    findings, strata = result.findings, differing_strata(result)
    own = findings[(findings["verdict"] == "skewed") & on_its_own(findings)]
    for row in own.itertuples():
        yield plain_sentence(row, truth=result.run.truth, caveats=caveats(result, row, strata=strata))
    outcomes = result.outcomes
    for row in outcomes[outcomes["verdict"] == "skewed"].itertuples():
        yield outcome_text(row)


def in_markdown(text: str) -> str:
    """Plain text on one line that a Markdown file shows as it is."""
    line = re.sub(r"([\\`*_\[\]<>#|~&$])", r"\\\1", " ".join(text.split()))
    return f"\\{line}" if line.startswith(("-", "+")) else line


def markdown_table(table: pd.DataFrame) -> list[str]:
    """The lines of a table in Markdown, with every character of the data escaped; none without rows."""
    if table.empty:
        return []
    head = [column_words(name) for name in table.columns]
    rows = [[in_markdown(str(value)) for value in row] for row in table.itertuples(index=False)]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def require_predictions(result: AuditResult, kind: str) -> None:
    """Refuses an export that is about predictions.

    Raises:
        ValueError: nothing was predicted.
    """
    if not result.has_predictions:
        raise ValueError(f"--to {kind} is about predictions, and this run compares numbers only: --to csv writes its tables")
