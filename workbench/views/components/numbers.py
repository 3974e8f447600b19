"""What does the app show of a run in which numbers are compared and no emotion was predicted?"""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.inference.verdicts import VERDICTS
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.headers import headed, raw_names
from affect_workbench.workbench.interface.numbers import markdown_text, probabilities
from affect_workbench.workbench.interface.style import CONFIG
from affect_workbench.workbench.report import sentences
from affect_workbench.workbench.report.comparisons import compared_with
from affect_workbench.workbench.report.first_page.headline import differing_strata, headline_sentences, strata_mark
from affect_workbench.workbench.report.outcomes.html import examples, outcome_forest
from affect_workbench.workbench.report.outcomes.sentences import outcome_text
from affect_workbench.workbench.report.system.section import read_first

_MOST_SENTENCES = 12
_MOST_THUMBNAILS = 12
_MOST_ROWS = 1_000
_SHOWN = (
    "slice",
    "outcome",
    "verdict",
    "n",
    "mean",
    "complement_mean",
    "effect",
    "low",
    "high",
    "q",
    "method",
    "explained_by",
)


def show_headline(result: AuditResult) -> None:
    """The outcome in a sentence, what it means, how many pairs have which verdict, and what to know before reading on."""
    st.title(result.headline)
    st.markdown(markdown_text(headline_sentences(result)))
    for column, verdict in zip(st.columns(len(VERDICTS)), VERDICTS, strict=True):
        column.metric(verdict, f"{result.count(verdict):,}", help=sentences.VERDICT_MEANING[verdict], border=True)
    for note in read_first(result):
        st.warning(markdown_text(note))


def show_numbers(result: AuditResult) -> None:
    """Headline, counts, findings, how large they are, and every row; the pictures behind a row that is chosen."""
    show_headline(result)
    st.info("Pages about emotions have nothing to show for this run; see *Additional analyses* and *Run*.")
    outcomes = result.outcomes
    st.header("Findings")
    own = outcomes[(outcomes["verdict"] == "skewed") & outcomes["explained_by"].isna()]
    if own.empty:
        st.markdown("Nothing is called skewed. The strongest differences are drawn below.")
    for place, row in enumerate(own.head(_MOST_SENTENCES).itertuples()):
        st.markdown(f"{place + 1}. {markdown_text(outcome_text(row))}")
    forest = outcome_forest(result)
    if forest is not None:
        st.subheader("Size and uncertainty")
        st.caption(
            f"Difference from {compared_with(outcomes).complement} in standard deviations; green band: a fifth of one, "
            "the tolerance."
        )
        st.plotly_chart(forest, theme=None, key="numbers-forest", config=CONFIG)
    st.subheader("Every slice")
    chosen = st.multiselect("Verdict", VERDICTS, placeholder="all verdicts")
    shown = outcomes[outcomes["verdict"].isin(chosen)] if chosen else outcomes
    strata = differing_strata(result)
    marks = [strata_mark(strata.get(pair)) for pair in zip(shown["slice"], shown["outcome"], strict=True)]
    columns = [*_SHOWN[:3], *(["strata"] if any(marks) else []), *_SHOWN[3:]]
    st.caption(f"{len(shown):,} of {len(outcomes):,} pairs. Choose a row to see the pictures behind it.")
    worded = shown.assign(strata=marks, outcome=shown["outcome"].map(column_words), q=probabilities(shown["q"]))
    named = headed(worded[columns])
    event = st.dataframe(named, hide_index=True, key="numbers", on_select="rerun", selection_mode="single-row")
    picked = event.selection.rows
    if picked and picked[0] < len(shown):
        finding: Any = next(shown.iloc[picked[0] : picked[0] + 1].itertuples())
        thumbnails = [(one.thumbnail, one.what) for one in examples(result, finding, most=_MOST_THUMBNAILS) if one.thumbnail]
        if thumbnails:
            captions = [markdown_text(what) for _, what in thumbnails]
            st.image([picture for picture, _ in thumbnails], caption=captions, width=110)
        show_measured(result, finding.where, by=str(finding.outcome), largest=bool(finding.effect > 0))
    table = outcomes.assign(where=[json.dumps(where) for where in outcomes["where"]])
    st.download_button("Findings (CSV)", table.to_csv(index=False).encode(), "outcomes.csv", "text/csv")


def show_measured(result: AuditResult, where: dict[str, Any], *, by: str = "", largest: bool = True) -> None:
    """A table of the pictures in a slice with their numbers, in the order of one of them."""
    inside = sentences.samples_in(result, where)
    outcomes = [str(name) for name in result.run.config.outcomes]
    order = inside.sort_values(by or outcomes[0], ascending=not largest, kind="stable")
    columns = ["image_id", *outcomes, *result.run.attributes]
    shown = order[columns].head(_MOST_ROWS)
    st.dataframe(headed(shown), hide_index=True, key="behind", column_config=raw_names(shown))
    first = f"the first {_MOST_ROWS:,} of " if len(order) > _MOST_ROWS else ""
    st.caption(f"{first}{len(order):,} pictures, by {column_words(by or outcomes[0])}.")
