"""How is every slice read? Heat map, table with filters, and the pictures behind a row."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.inference.verdicts import VERDICTS
from affect_workbench.analyses.skew.findings import on_its_own
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.headers import headed
from affect_workbench.workbench.interface.numbers import markdown_text, points, probabilities
from affect_workbench.workbench.interface.style import CONFIG
from affect_workbench.workbench.report import sentences
from affect_workbench.workbench.report.comparisons import compared_with
from affect_workbench.workbench.report.evidence.choice import evidence, predicted_so
from affect_workbench.workbench.report.figures import findings as figures
from affect_workbench.workbench.report.first_page.headline import StrataByPair, caveats, differing_strata, strata_mark
from affect_workbench.workbench.runs.reviews import ReviewedFinding, marks
from affect_workbench.workbench.views.components.gallery import show_evidence, show_pictures
from affect_workbench.workbench.views.components.review_form import current_reviews, review_form
from affect_workbench.workbench.views.state import current_audit, current_folder

_CLICKED = "clicked cell"


def render() -> None:
    """Heat map of slices by emotion, then the filtered table; choosing a row shows its pictures."""
    result = current_audit()
    st.title("Slices")
    orders = sorted(result.slices["order"].unique())
    order = st.radio(
        "Slices of", orders, horizontal=True, format_func=lambda n: "one attribute" if n == 1 else f"{n} attributes together"
    )
    heat_map = figures.heat_map(result, order=int(order))
    st.caption(
        f"Points more (vermilion) or less (blue) than {compared_with(result.findings).axis}. A number is skewed, ≈ "
        f"equivalent; grey cells are not zero: ? is undetermined, · has too few pictures. At most {figures.MOST_SLICES} "
        "slices, the most different. Click what is written in a cell: the pictures behind it are shown under the map."
    )
    decided = current_reviews(result, current_folder())
    if heat_map is not None:
        clicked = st.plotly_chart(
            heat_map, theme=None, key=f"heat {order}", config=CONFIG, on_select="rerun", selection_mode="points"
        )
        cell = _clicked_cell(result, clicked, order=int(order))
        if cell is not None:
            _point_down(result, cell)
            _behind(result, cell, decided, key="cell")

    st.header("Findings")
    chosen = _filtered(result)
    st.caption(f"{len(chosen):,} of {len(result.findings):,} pairs. Choose a row to see the pictures behind it.")
    review_marks, strata = marks(decided), differing_strata(result)
    event = st.dataframe(
        _readable(chosen, review_marks, strata, with_truth=result.run.truth != "none"),
        hide_index=True,
        key="findings",
        on_select="rerun",
        selection_mode="single-row",
        height=420,
        column_config=_COLUMNS,
    )
    picked = event.selection.rows
    if picked and picked[0] < len(chosen):
        _behind(result, int(chosen.index[picked[0]]), decided, key="behind")


def _clicked_cell(result: AuditResult, event: Any, *, order: int) -> int | None:
    """The row of the findings that the clicked cell of the heat map stands for."""
    points = [point["customdata"] for point in event.selection.points if point.get("customdata")]
    slices = figures.heat_map_slices(result, order=order)
    if not points or int(points[0][0]) >= len(slices):
        return None
    findings = result.findings
    found = findings.index[(findings["slice"] == slices[int(points[0][0])]) & (findings["emotion"] == points[0][1])]
    return int(found[0]) if len(found) else None


def _point_down(result: AuditResult, cell: int) -> None:
    """Says once where the pictures of a clicked cell are: the map is higher than most screens."""
    if st.session_state.get(_CLICKED) != cell:
        row = result.findings.iloc[cell]
        st.toast(markdown_text(f"Pictures behind {row['slice']} → {row['emotion']}: under the map"))
    st.session_state[_CLICKED] = cell


def _behind(result: AuditResult, position: int, decided: list[ReviewedFinding], *, key: str) -> None:
    """What a finding says, what a person says of it, and its pictures."""
    row = result.findings.iloc[position]
    caveat = caveats(result, row, strata=differing_strata(result))
    st.markdown(sentences.markdown_sentence(row, truth=result.run.truth, caveats=caveat))
    st.caption(markdown_text(sentences.beside(row)))
    as_emotion = f"predicted as {row['emotion']}"
    less = row["verdict"] == "skewed" and row["effect"] < 0
    options = [*(["clearest examples"] if less else []), as_emotion, "all in the slice"]
    which = st.radio("Show", options, horizontal=True, key=f"which pictures, {key}")
    if which == "all in the slice":
        show_pictures(sentences.samples_in(result, row["where"]), key=key)
    elif less and which == as_emotion:
        show_evidence(predicted_so(result, result.finding(position)), key=key)
    else:
        show_evidence(evidence(result, result.finding(position)), key=key)
    review_form(result, position, decided, current_folder(), place=f", {key}")


_COLUMNS = {
    **{
        name: st.column_config.NumberColumn(width=width, format="%.1f", help=text)
        for name, width, text in (
            ("rate %", 60, "share of the slice that is predicted as the emotion"),
            ("complement %", 112, "share of all other pictures that is predicted as the emotion"),
            ("difference", 75, "difference from all other pictures, points"),
            ("label gap", 65, "label gap: how much the true labels differ, points"),
            ("model gap", 70, "model gap: how much the predictions differ beyond the labels, points"),
        )
    },
    "slice": st.column_config.TextColumn(width=220),
    "emotion": st.column_config.TextColumn(width=85),
    "verdict": st.column_config.TextColumn(width=95),
    "strata": st.column_config.TextColumn(width=190, help="where strata differ, the verdict holds for none of them"),
    "review": st.column_config.TextColumn(width=120, help="what a person decided"),
    "interval": st.column_config.TextColumn(width=105, help="95 % interval of the difference"),
    "n": st.column_config.NumberColumn(width=50),
    "q": st.column_config.TextColumn(width=65, help="smallest false discovery rate at which this is reported"),
}


def _filtered(result: AuditResult) -> pd.DataFrame:
    """The findings that the reader asked for."""
    findings = result.findings
    first, second, third, fourth = st.columns([2, 2, 2, 1.4], vertical_alignment="bottom")
    verdicts = first.multiselect("Verdict", VERDICTS, placeholder="all verdicts")
    emotions = second.multiselect("Emotion", result.taxonomy.labels, placeholder="all emotions")
    attributes = third.multiselect(
        "Attribute", result.run.attributes, placeholder="all attributes", format_func=column_words
    )
    if verdicts:
        findings = findings[findings["verdict"].isin(verdicts)]
    if emotions:
        findings = findings[findings["emotion"].isin(emotions)]
    if attributes:
        findings = findings[[bool(set(where) & set(attributes)) for where in findings["where"]]]
    if fourth.checkbox("Hide explained", help="hide what follows from a cause or from the parent slice"):
        findings = findings[on_its_own(findings)]
    return findings


def _readable(
    findings: pd.DataFrame, review_marks: dict[int, str], strata: StrataByPair, *, with_truth: bool
) -> pd.DataFrame:
    """The columns a reader needs, differences in points."""
    gaps = ["label_gap", "model_gap"] if with_truth else []
    names = ["slice", "emotion", "verdict", "n", "rate", "complement_rate", "effect", "interval", "q", *gaps]
    shares = ["rate", "complement_rate", "effect", *gaps]
    table = findings.assign(
        interval=[
            "" if pd.isna(low) else f"{points(low)} to {points(high)}"
            for low, high in zip(findings["low"], findings["high"], strict=True)
        ],
        # With a blank in front, text sorts as the number does.
        q=[f" {q}" if q.startswith("<") else q for q in probabilities(findings["q"])],
        **{name: 100 * findings[name].astype(float) for name in shares},
    )
    readable = headed(table[names]).rename(columns={"rate": "rate %", "complement rate": "complement %"})
    strata_marks = [strata_mark(strata.get(pair)) for pair in zip(findings["slice"], findings["emotion"], strict=True)]
    if any(strata_marks):
        readable.insert(3, "strata", strata_marks)
    if review_marks:
        readable.insert(3, "review", [review_marks.get(index, "") for index in findings.index])
    return readable


render()
