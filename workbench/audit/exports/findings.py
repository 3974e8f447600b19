"""How do other programs read what was found? `findings.json` and `junit.xml` beside the page; docs/ci.md explains them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pandas as pd

from affect_workbench.analyses.audit.compare.changes import VERDICTS as COMPARE_VERDICTS
from affect_workbench.analyses.inference.verdicts import VERDICTS as AUDIT_VERDICTS
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import write_bytes, write_json
from affect_workbench.workbench.audit.comparison.sentences import outcome_change, plain_change
from affect_workbench.workbench.report.first_page.headline import caveats, differing_strata, strata_verdicts
from affect_workbench.workbench.report.outcomes.sentences import outcome_text
from affect_workbench.workbench.report.sections.accuracy import accuracy_name, gap_sentence
from affect_workbench.workbench.report.sentences import plain_sentence
from affect_workbench.workbench.runs.gate import ACCURACY, CAUSE, RATES, Gate, lower_bounds

if TYPE_CHECKING:
    from affect_workbench.analyses.audit.compare.compare import Comparison
    from affect_workbench.analyses.audit.result import AuditResult

FORMAT = "affect-workbench-findings/1"
FINDING_KEYS = (
    "slice",
    "where",
    "emotion",
    "verdict",
    "caught",
    "effect",
    "low",
    "high",
    "adjusted_low",
    "adjusted_high",
    "surely",
    "q",
    "n",
    "n_complement",
    "repeats",
    "way",
    "sentence",
    "outcome",
    "differs_between_strata",
)
FOUND = ("skewed", "worse", "better", "changed")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Findings:
    """What an audit or a comparison found, ready to be written.

    Attributes:
        command: `audit` or `compare`.
        gate: what is not let through.
        table: one row a (slice, emotion), one a (slice, outcome), and one a slice whose accuracy is known (`about` is then
            `accuracy`): `FINDING_KEYS`, `about`, and `told`, whether it was tested.
        verdicts: the verdicts there are, in order.
        facts: pictures, tolerance, alpha.
        causes: of an audit, in the order in which they are told.
    """

    command: str
    gate: Gate
    table: pd.DataFrame
    verdicts: Sequence[str]
    facts: Mapping[str, Any]
    causes: Sequence[Mapping[str, Any]] = ()

    @property
    def failed(self) -> bool:
        """Whether the gate decides and caught something."""
        return self.gate.asked and bool(self.table["caught"].any())

    @property
    def sentence(self) -> str:
        """What the gate did, in one line."""
        count = int(self.table["caught"].sum())
        if self.gate.about == CAUSE and not self.gate.beside:
            return f"--fail-on {self.gate}: {plural(count, 'cause')}, {'fail' if count else 'pass'}"
        if self.gate.about == ACCURACY and not self.gate.beside:
            slices = f"{count:,} slice{'' if count == 1 else 's'} with a different accuracy"
            return f"--fail-on {self.gate}: {slices}, {'fail' if count else 'pass'}"
        return f"--fail-on {self.gate}: {count:,} finding{'' if count == 1 else 's'}, {'fail' if count else 'pass'}"


def audit_findings(result: AuditResult, gate: Gate) -> Findings:
    """The findings of an audit, those about emotions first; `effect` is the skew, of an outcome in its own units."""
    found, strata, truth = result.findings["verdict"].isin(FOUND), differing_strata(result), result.run.truth
    said = [
        plain_sentence(row, truth=truth, caveats=caveats(result, row, strata=strata)) if told else ""
        for row, told in zip(result.findings.itertuples(), found, strict=True)
    ]
    table = _table(_with_strata(result, result.findings, "emotion"), gate, said)
    outcomes = _with_strata(result, result.outcomes, "outcome")
    numbers = [outcome_text(row) if row.verdict in FOUND else "" for row in outcomes.itertuples()]
    tables = [table, _table(outcomes.assign(emotion=None), gate, numbers)]
    accuracies = result.table(ACCURACY)
    if accuracies is not None:
        tables.append(_accuracies(result, accuracies, gate))
    tables.append(_causes(result, gate))
    table = _together(*tables)
    facts = {"pictures": result.run.pictures} | {name: getattr(result.run.config, name) for name in ("tolerance", "alpha")}
    return Findings("audit", gate, table, AUDIT_VERDICTS, facts, causes_record(result, gate))


def compare_findings(result: Comparison, gate: Gate) -> Findings:
    """The findings of a comparison; `effect` is the change of the skew, `surely` the lower bound of its absolute size."""
    changes = result.changes.rename(columns={"change": "effect"})
    found = changes["verdict"].isin(FOUND)
    sentences = [plain_change(row) if told else "" for row, told in zip(result.changes.itertuples(), found, strict=True)]
    numbers = result.outcomes
    told = [outcome_change(row) if row.verdict in FOUND else "" for row in numbers.itertuples()]
    of_numbers = _table(numbers.rename(columns={"change": "effect"}).assign(emotion=None, repeats=None), gate, told)
    facts = {"pictures": result.overall["pictures"], "tolerance": result.config.tolerance, "alpha": result.config.alpha}
    causes = [{str(key): _plain(value) for key, value in row.items()} for row in result.causes.to_dict("records")]
    return Findings(
        "compare", gate, _together(_table(changes, gate, sentences), of_numbers), COMPARE_VERDICTS, facts, causes
    )


def write_findings(findings: Findings, folder: Path) -> None:
    """Puts `findings.json` and `junit.xml` into a folder that exists."""
    write_json(folder / "findings.json", findings_record(findings))
    write_bytes(folder / "junit.xml", junit_xml(findings))


def findings_record(findings: Findings) -> dict[str, Any]:
    """Plain values with the keys that docs/ci.md promises; null for what is not known."""
    accuracy = {}
    if (findings.table["about"] == ACCURACY).any():
        accuracy = {"accuracy_counts": _counts(findings, ACCURACY), "accuracy": _found(findings, ACCURACY)}
    return {
        "format": FORMAT,
        "command": findings.command,
        "gate": {
            "fail_on": str(findings.gate) if findings.gate.asked else None,
            "caught": int(findings.table["caught"].sum()),
            "failed": findings.failed,
        },
        **findings.facts,
        "counts": _counts(findings, RATES),
        "findings": _found(findings, RATES),
        **accuracy,
        "causes": list(findings.causes),
    }


def junit_xml(findings: Findings) -> bytes:
    """JUnit XML: one test case a slice; a failure lists what the gate catches in it, a slice with too few is skipped."""
    suites = ElementTree.Element("testsuites", name=f"workbench {findings.command}")
    suite = ElementTree.SubElement(suites, "testsuite", name=f"{findings.command}: {findings.gate}")
    failures = skipped = tests = 0
    for name, cells in findings.table.groupby("slice", sort=False):
        where = cells["where"].iloc[0]
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=_legal(f"{findings.command}.{' and '.join(where)}"),
            name=_legal(str(name)),
            time="0",
        )
        tests += 1
        caught = cells[cells["caught"]]
        if not cells["told"].any():
            skipped += 1
            ElementTree.SubElement(case, "skipped", message=_legal(f"too few pictures (n = {cells['n'].iloc[0]:,})"))
        elif len(caught):
            failures += 1
            listed = ", ".join(str(name) for name in caught["emotion"].fillna(caught["outcome"]).dropna())
            failure = ElementTree.SubElement(
                case,
                "failure",
                type=findings.gate.verdict,
                message=_legal(f"{findings.gate.verdict}: {listed}" if listed else findings.gate.verdict),
            )
            failure.text = _legal("\n".join(caught["sentence"]))
    for element in (suites, suite):
        for key, count in (("tests", tests), ("failures", failures), ("errors", 0), ("time", 0)):
            element.set(key, str(count))
    suite.set("skipped", str(skipped))
    ElementTree.indent(suites)
    return bytes(ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)) + b"\n"


def _with_strata(result: AuditResult, cells: pd.DataFrame, about: str) -> pd.DataFrame:
    told = strata_verdicts(result, pd.MultiIndex.from_frame(cells[["slice", about]]))
    return cells.assign(differs_between_strata=pd.Series(told, index=cells.index, dtype=object))


def _accuracies(result: AuditResult, table: pd.DataFrame, gate: Gate) -> pd.DataFrame:
    """Slices with their accuracy, as findings that name no emotion and repeat nothing."""
    name = accuracy_name(result)
    found = table["verdict"].isin(FOUND)
    sentences = [gap_sentence(row, name=name) if told else "" for row, told in zip(table.itertuples(), found, strict=True)]
    return _table(table.assign(emotion=None, repeats=None), gate, sentences, about=ACCURACY)


def _plain(value: Any) -> Any:
    """None for a number that is not known."""
    return None if isinstance(value, float) and math.isnan(value) else value


def causes_record(result: AuditResult, gate: Gate) -> list[dict[str, Any]]:
    """Causes as plain values, each with whether the gate catches it."""
    table = result.causes.assign(caught=gate.caught(result.causes, about=CAUSE)).astype(object)
    records = table.where(table.notna(), None).to_dict("records")
    return [{str(key): value for key, value in record.items()} for record in records]


def _causes(result: AuditResult, gate: Gate) -> pd.DataFrame:
    """Causes that the gate looks at, as findings that repeat nothing."""
    table = result.causes.drop(columns=["effect", "low", "high"]).rename(
        columns={"adjusted_effect": "effect", "cause": "sentence"}
    )
    table = table.assign(low=table["adjusted_low"], high=table["adjusted_high"], verdict="skewed", repeats=None, way="cause")
    return _table(table, gate, list(table["sentence"]), about=CAUSE)


def _found(findings: Findings, about: str) -> list[dict[str, Any]]:
    table = findings.table[findings.table["verdict"].isin(FOUND) & (findings.table["about"] == about)]
    columns = table[list(FINDING_KEYS)].astype(object)
    records = columns.where(columns.notna(), None).to_dict("records")
    return [{str(key): value for key, value in record.items()} for record in records]


def _counts(findings: Findings, about: str) -> dict[str, int]:
    verdicts = findings.table.loc[findings.table["about"] == about, "verdict"]
    return {verdict: int((verdicts == verdict).sum()) for verdict in findings.verdicts}


def _table(cells: pd.DataFrame, gate: Gate, sentences: list[str], *, about: str = RATES) -> pd.DataFrame:
    if "repeats" not in cells:
        cells = cells.rename(columns={"explained_by": "repeats"})
    if "way" not in cells:
        cells = cells.assign(way=None)
    marked = cells.assign(
        about=about,
        caught=gate.caught(cells, about=about),
        surely=lower_bounds(cells),
        sentence=sentences,
        told=cells["p"].notna(),
    )
    kept = marked.reindex(columns=["about", *FINDING_KEYS, "told"])
    return kept.astype({"caught": bool, "told": bool, "outcome": object})


def _together(*tables: pd.DataFrame) -> pd.DataFrame:
    """One table after the other, those that are empty aside."""
    filled = [table.astype({"emotion": object, "repeats": object}) for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else tables[0]


def _legal(text: str) -> str:
    """Text with everything that XML 1.0 cannot hold, escaped or not, replaced."""
    return _NOT_XML.sub("\ufffd", text)
