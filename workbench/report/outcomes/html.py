"""How does an audit of numbers alone become one HTML file, in the same dress as the report of predictions?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.inference.verdicts import VERDICTS
from affect_workbench.analyses.texts.audit import TEXTS_TABLE
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.intervals import Series, interval_figure
from affect_workbench.workbench.interface.options import as_shown
from affect_workbench.workbench.interface.page import figure_html, template
from affect_workbench.workbench.interface.thumbnails import thumbnail_uri
from affect_workbench.workbench.report import sentences
from affect_workbench.workbench.report.comparisons import compared_with
from affect_workbench.workbench.report.first_page.headline import differing_strata, headline_sentences, strata_mark
from affect_workbench.workbench.report.outcomes.sentences import number, outcome_sentence
from affect_workbench.workbench.report.outcomes.texts import common_words, example_text, shown_texts, text_summary
from affect_workbench.workbench.report.sections import report_sections
from affect_workbench.workbench.report.system.section import read_first, system_section

MOST_SENTENCES = 15
MOST_ROWS = 600
MOST_DRAWN = 24
MOST_EXCLUDED = 200
MOST_BYTES = 6_000_000
_MOST_EXAMPLES = 8
_MOST_TRIED = 32
_MOST_TEXTS = 4
_COHEN = 0.2


@dataclass(frozen=True)
class Example:
    """A picture behind a finding: id, its number in words, itself where its file is there, a text about it, if any."""

    id: str
    what: str
    thumbnail: str | None
    text: str = ""


def outcome_html(result: AuditResult) -> str:
    """The report as one self-contained page under 6 MB; the same audit always gives the same bytes.

    Args:
        result: of `analyses.audit.outcomes.run_outcome_audit`, or opened with `workbench.runs.store.load_audit`.
    """
    for share in (1.0, 0.5, 0.2, 0.05):
        page = _page(result, rows=int(share * MOST_ROWS), excluded=int(share * MOST_EXCLUDED))
        if len(page.encode()) < MOST_BYTES:
            break
    return page


def outcome_forest(result: AuditResult, *, most: int = MOST_DRAWN) -> go.Figure | None:
    """The leading differences in standard deviations of their outcomes; filled markers are skewed."""
    shown = result.outcomes[result.outcomes["effect"].notna() & result.outcomes["explained_by"].isna()].head(most)
    if shown.empty:
        return None
    scaled = shown.assign(**{name: shown[name] / shown["spread"] for name in ("effect", "low", "high")})
    return interval_figure(
        [f"{row.slice} → {column_words(row.outcome)}" for row in scaled.itertuples()],
        [Series.of("difference", scaled, scale=1.0, filled=scaled["verdict"] == "skewed")],
        axis=f"difference from {compared_with(shown).axis}, standard deviations",
        band=None if result.table(TEXTS_TABLE) is not None else _COHEN,
    )


def examples(result: AuditResult, finding: Any, *, most: int = _MOST_EXAMPLES) -> list[Example]:
    """Pictures of the slice that show the claim: the largest numbers first where its mean is larger, else the smallest.

    Where files are there at all, a picture that cannot be shown is passed over for the next one.
    """
    inside = sentences.samples_in(result, finding.where)
    inside = inside[inside[finding.outcome].notna()]
    order = inside.sort_values([finding.outcome, "image_id"], ascending=[not finding.effect > 0, True], kind="stable")
    texts = shown_texts(result)
    found = [
        Example(
            str(row["image_id"]),
            f"{column_words(finding.outcome)} {number(row[finding.outcome])}",
            thumbnail_uri(row.get("path")),
            "" if texts is None else example_text(texts, str(row["image_id"]), finding),
        )
        for _, row in order.head(_MOST_TRIED).iterrows()
    ]
    if texts is not None:
        found, most = [one for one in found if one.text], min(most, _MOST_TEXTS)
    return ([one for one in found if one.thumbnail] or found)[:most]


def _words(result: AuditResult, finding: Any) -> list[tuple[str, str]]:
    """The commonest words behind a finding about texts, as a sentence; nothing for any other."""
    texts = shown_texts(result)
    if texts is None:
        return []
    ids = frozenset(sentences.samples_in(result, finding.where)["image_id"].astype(str))
    words = common_words(texts, ids, finding.outcome)
    return [(f" Its words there: {words}.", "quiet")] if words else []


def _page(result: AuditResult, *, rows: int, excluded: int) -> str:
    outcomes = result.outcomes
    own = outcomes[(outcomes["verdict"] == "skewed") & outcomes["explained_by"].isna()]
    forest = outcome_forest(result)
    strata = differing_strata(result)
    marks = [strata_mark(strata.get(key)) for key in zip(outcomes["slice"], outcomes["outcome"], strict=True)]
    shown = outcomes.assign(strata=marks).head(rows)
    return template("outcome_report.html").render(
        result=result,
        run=result.run,
        compared=compared_with(outcomes),
        config=as_shown(result.run.config),
        provenance=result.run.provenance,
        headline=result.headline,
        outcome=headline_sentences(result),
        json=_json,
        number=number,
        texts=text_summary(result),
        counts=[(verdict, result.count(verdict), sentences.VERDICT_MEANING[verdict]) for verdict in VERDICTS],
        leading=[
            ([*outcome_sentence(row), *_words(result, row)], examples(result, row))
            for row in own.head(MOST_SENTENCES).itertuples()
        ],
        leading_of=len(own),
        forest=None if forest is None else figure_html("forest", forest),
        rows=list(_rows(shown)),
        report_sections=[
            (section, None if section.figure is None else figure_html(f"figure-{section.name}", section.figure))
            for section in report_sections(result)
        ],
        system=system_section(result),
        read_first=read_first(result),
        excluded=list(_rows(result.excluded.head(excluded))),
        excluded_of=len(result.excluded),
    )


def _rows(table: pd.DataFrame) -> Any:
    return table.astype(object).where(table.notna(), None).itertuples()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
