"""A model card as Hugging Face shows it: `README.md` with the audit's figures in its header and its findings below."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import write_text
from affect_workbench.workbench.audit.exports.audited import (
    AuditedModel,
    audit_numbers,
    data_name,
    finding_sentences,
    in_markdown,
    version_of,
)
from affect_workbench.workbench.interface.numbers import percent
from affect_workbench.workbench.report.first_page.headline import headline, verdict_sentences
from affect_workbench.workbench.report.system.card import TITLES
from affect_workbench.workbench.report.system.data import attribute_lines, label_sentences, missing_sentences
from affect_workbench.workbench.report.system.section import stated_card

_TASK = "image-classification"
_MEASURES = ("accuracy", "vote_agreement")
_COUNTS = ("pictures", "pairs_tested", "pairs_equivalent", "pairs_undetermined", "pairs_too_small")
"""Numbers that are no metric of a model."""
MOST_FINDINGS = 20
_LIMITS = (
    "A skew is an association in the audited pictures, not a cause in the world.",
    "Labels say what annotators saw.",
    "Undetermined and too small are never “no bias”.",
)


def write_model_card(result: AuditResult, folder: Path, model: AuditedModel) -> None:
    """Puts `README.md` into a folder that exists."""
    name = model.name or result.run.source
    header = ["---", *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in _header(result, name)), "---"]
    write_text(folder / "README.md", "\n".join([*header, "", *_body(result, name, model.developer), ""]))


def _header(result: AuditResult, name: str) -> Iterator[tuple[str, Any]]:
    """Keys of the card's YAML; JSON values are YAML too. What the audit does not know (licence, base model) is left out."""
    yield "tags", ["bias-audit", "emotion-recognition"]
    if not result.has_predictions:
        return
    numbers = {key: value for key, value in audit_numbers(result).items() if key not in _COUNTS}
    if measures := [key for key in numbers if key in _MEASURES]:
        yield "metrics", measures
    yield "pipeline_tag", _TASK
    results = {
        "task": {"type": _TASK},
        "dataset": {"type": data_name(result), "name": data_name(result)},
        "metrics": [{"type": key, "value": value} for key, value in numbers.items()],
    }
    yield "model-index", [{"name": name, "results": [results]}]


def _body(result: AuditResult, name: str, developer: str) -> Iterator[str]:
    card = stated_card(result)
    yield f"# {in_markdown(name)}"
    if developer:
        yield f"\nBy {in_markdown(developer)}."
    parts = [(key, value) for key, value in card.stated("use").items() if key != "reason"]
    yield from _section("Use, as stated", [f"{TITLES[key]}: {_listed(value)}" for key, value in parts])
    yield "\n## Bias audit\n"
    yield f"**{in_markdown(headline(result))}**\n"
    yield in_markdown(verdict_sentences(result))
    found = list(finding_sentences(result))
    left = len(found) - MOST_FINDINGS
    more = [f"{plural(left, 'more finding')}: findings.csv of the run has all."] if left > 0 else []
    yield from _section("Findings", [*found[:MOST_FINDINGS], *more] or ["No skew that stands on its own was found."])
    if result.accuracy is not None and len(result.accuracy.models):
        first = result.accuracy.models.iloc[0]
        ends = f"95 % interval {percent(first['low'])} to {percent(first['high'])}"
        figure = f"{result.accuracy.measure}: {percent(first['accuracy'])} ({ends}) of {plural(int(first['n']), 'picture')}"
        yield from _section("Accuracy", [figure])
    data = [*label_sentences(result, card.labels_mean), *missing_sentences(result, card.missing_people)]
    yield from _section("Data of the audit", [*data, *attribute_lines(result)])
    yield from _section("Limits", [*result.run.notes, *_LIMITS])
    made = f"affect-workbench {version_of(result)}, {result.run.created}, seed {result.run.config.seed}"
    yield from _section("How it was measured", [made])


def _section(title: str, sentences: list[str]) -> Iterator[str]:
    if sentences:
        yield f"\n## {title}\n"
        yield from (f"- {in_markdown(sentence)}" for sentence in sentences)


def _listed(value: Any) -> str:
    return "; ".join(value) if isinstance(value, tuple) else str(value)
