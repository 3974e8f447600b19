"""How is every slice read? The card and the pictures of what is chosen; heat map and table to choose it in."""

from __future__ import annotations

from typing import Any

import numpy as np
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
from affect_workbench.workbench.report.figures import findings as figures
from affect_workbench.workbench.report.first_page.headline import StrataByPair, differing_strata, strata_mark
from affect_workbench.workbench.runs.reviews import ReviewedFinding, marks
from affect_workbench.workbench.views.address import ATTRIBUTE, EMOTION, SLICE, choose, chosen, kept
from affect_workbench.workbench.views.components.card import (
    card_style,
    current_card,
    current_cards,
    current_claims,
    show_card,
    side_by_side,
)
from affect_workbench.workbench.views.components.gallery import show_evidence, show_pictures
from affect_workbench.workbench.views.components.review_form import current_reviews, review_form
from affect_workbench.workbench.views.state import current_audit, current_folder, current_version

_CLICKED = "clicked cell"
_OPEN = "open-slice"
# Shows what a click opened: map and table are higher than most screens. The number tells one click from another.
_UP = "<script>/* {} */ document.querySelector('.st-key-open-slice').scrollIntoView()</script>"


def render() -> None:
    """What is chosen, then the heat map of slices by emotion and the filtered table, in which it is chosen."""
    result = current_audit()
    st.title("Slices")
    decided = current_reviews(result, current_folder())
    with st.container(key=_OPEN):
        _chosen(result, decided)
    _heat_map(result)
    _findings(result, decided)
    with st.expander("Size and uncertainty of the strongest findings", key="sizes", on_change="rerun") as sizes:
        if sizes.open:
            _sizes(result)


def _chosen(result: AuditResult, decided: list[ReviewedFinding]) -> None:
    """The choice of attribute, slice and emotion, and what it opens."""
    first, second, third = st.columns([1, 2, 1])
    names, run = list(result.slices["slice"]), result.run
    attribute = first.selectbox(
        "Attribute",
        run.attributes,
        index=None,
        placeholder="any",
        format_func=column_words,
        **kept(ATTRIBUTE, run.attributes),
    )
    where = dict(zip(names, result.slices["where"], strict=True))
    offered = [name for name in names if attribute is None or attribute in where[name]]
    elsewhere = chosen(SLICE) if chosen(SLICE) in where and chosen(SLICE) not in offered else ""
    offered += [elsewhere] if elsewhere else []
    slice_name = second.selectbox(
        "Slice", offered, index=None, placeholder="choose one here, in the map or in the table", **kept(SLICE, offered)
    )
    emotion = third.selectbox(
        "Emotion", result.taxonomy.labels, index=None, placeholder="any", **kept(EMOTION, result.taxonomy.labels)
    )
    if elsewhere:
        st.info(markdown_text(f"{elsewhere} is not a slice of {column_words(attribute)}; it stays open until you choose."))
    position = _position(result, slice_name, emotion)
    card_style()
    if position is not None:
        with side_by_side("finding"):
            with st.container():
                show_card(current_card(result, position))
                st.caption(markdown_text(sentences.beside(result.finding(position))))
                with st.expander("Your decision about this finding"):
                    review_form(result, position, decided, current_folder(), place=", chosen")
            with st.container():
                _behind(result, position)
        if st.session_state.pop(_CLICKED, None) is not None:
            st.html(_UP.format(position), unsafe_allow_javascript=True)
    elif slice_name is not None:
        _slice(result, slice_name, where[slice_name])
    elif attribute is not None:
        show_card(next(card for card in current_cards(result) if card.attribute == attribute))


def _slice(result: AuditResult, name: str, where: dict[str, Any]) -> None:
    """The pictures of a slice, then its numbers."""
    st.subheader(markdown_text(name))
    show_pictures(sentences.samples_in(result, where), key="slice")
    rows = result.findings[result.findings["slice"] == name]
    st.markdown("**Predicted as each emotion**")
    _table(result, rows, {}, key=f"emotions of {name}")


def _behind(result: AuditResult, position: int) -> None:
    """The pictures behind a finding."""
    row = result.finding(position)
    as_emotion, claims = f"predicted as {row.emotion}", current_claims(result)
    less = row.verdict == "skewed" and (row.effect or 0.0) < 0
    options = [*(["clearest examples"] if less else []), as_emotion, "all in the slice"]
    which = st.radio("Show", options, horizontal=True, key="which pictures")
    if which == "all in the slice":
        show_pictures(result.samples[claims.inside(row.where)], key="behind")
    elif less and which == as_emotion:
        show_evidence(claims.predicted_so(claims.inside(row.where), row.emotion), key="behind")
    else:
        show_evidence(claims.of(row), key="behind")


def _position(result: AuditResult, slice_name: str | None, emotion: str | None) -> int | None:
    """The row of the findings of a slice and an emotion."""
    findings = result.findings
    found = np.flatnonzero((findings["slice"] == slice_name) & (findings["emotion"] == emotion))
    return int(found[0]) if len(found) else None


def _open(result: AuditResult, position: int) -> None:
    """Chooses a finding; of attributes the one that was chosen if it is of it."""
    row = result.findings.iloc[position]
    attribute = chosen(ATTRIBUTE) if chosen(ATTRIBUTE) in row["where"] else next(iter(row["where"]))
    choose(attribute=attribute, slice=row["slice"], emotion=row["emotion"])
    st.session_state[_CLICKED] = position


def _heat_map(result: AuditResult) -> None:
    st.header("All slices and emotions")
    orders = [int(order) for order in sorted(result.slices["order"].unique())]
    order = st.radio(
        "Slices of",
        orders,
        horizontal=True,
        format_func=lambda n: "one attribute" if n == 1 else f"{n} attributes together",
        **kept("together", orders, first=orders[0]),
    )
    heat_map = _drawn_heat_map(*current_version(), order, result)
    st.caption(
        f"Points more (vermilion) or less (blue) than {compared_with(result.findings).axis}. A number is skewed, ≈ "
        f"equivalent; grey cells are not zero: ? is undetermined, · has too few pictures. At most {figures.MOST_SLICES} "
        "slices, the most different. Click what is written in a cell: its card opens above."
    )
    if heat_map is not None:
        key = f"heat {order}"

        def clicked() -> None:
            cell = _clicked_cell(result, st.session_state[key], order=order)
            if cell is not None:
                _open(result, cell)

        st.plotly_chart(heat_map, theme=None, key=key, config=CONFIG, on_select=clicked, selection_mode="points")


@st.cache_resource(max_entries=16, show_spinner=False)
def _drawn_heat_map(folder: str, written: int, order: int, _result: AuditResult) -> Any:
    return figures.heat_map(_result, order=order)


def _clicked_cell(result: AuditResult, event: Any, *, order: int) -> int | None:
    """The row of the findings that the clicked cell of the heat map stands for."""
    points = [point["customdata"] for point in event.selection.points if point.get("customdata")]
    slices = figures.heat_map_slices(result, order=order)
    if not points or int(points[0][0]) >= len(slices):
        return None
    return _position(result, slices[int(points[0][0])], points[0][1])


def _findings(result: AuditResult, decided: list[ReviewedFinding]) -> None:
    st.header("Findings")
    rows, filters = _filtered(result)
    st.caption(f"{len(rows):,} of {len(result.findings):,} pairs. Choose a row: its card opens above.")
    position = _position(result, chosen(SLICE), chosen(EMOTION))
    if position is not None and position not in rows.index:
        row = result.findings.iloc[position]
        words = f"{row['slice']} → {row['emotion']} is open above; these filters do not list it."
        st.info(markdown_text(words))
    _table(result, rows, marks(decided), key=f"findings {filters}")


def _table(result: AuditResult, rows: pd.DataFrame, review_marks: dict[int, str], *, key: str) -> None:
    """Findings of which each opens its card."""

    def picked() -> None:
        at = st.session_state[key].selection.rows
        if at and at[0] < len(rows):
            _open(result, int(rows.index[at[0]]))

    st.dataframe(
        _readable(rows, review_marks, differing_strata(result), with_truth=result.run.truth != "none"),
        hide_index=True,
        key=key,
        on_select=picked,
        selection_mode="single-row",
        height=420 if len(rows) > 10 else "auto",
        column_config=_COLUMNS,
    )


def _sizes(result: AuditResult) -> None:
    """Forest, and what of each skew is the labels' own."""
    st.caption(
        f"Difference from {compared_with(result.findings).complement} with its 95 % interval; green band: the tolerance of "
        f"±{100 * result.run.config.tolerance:g} points."
    )
    st.plotly_chart(figures.forest(result), theme=None, key="forest", config=CONFIG)
    split = figures.split(result)
    if split is not None:
        st.markdown("**Label gap or model gap?**")
        st.caption(
            f"Orange, the label gap: how much the true {result.run.truth} differ. Blue, the model gap: how much the "
            "predictions differ beyond that."
        )
        st.plotly_chart(split, theme=None, key="split", config=CONFIG)


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


def _filtered(result: AuditResult) -> tuple[pd.DataFrame, str]:
    """The findings that the reader asked for, and how, in a word that is another one for other filters."""
    findings, run, labels = result.findings, result.run, result.taxonomy.labels
    first, second, third, fourth = st.columns([2, 2, 2, 1.4], vertical_alignment="bottom")
    verdicts = first.multiselect("Verdicts", VERDICTS, placeholder="all verdicts", **kept("verdict", VERDICTS, many=True))
    emotions = second.multiselect("Emotions", labels, placeholder="all emotions", **kept("emotions", labels, many=True))
    attributes = third.multiselect(
        "Attributes",
        run.attributes,
        placeholder="all attributes",
        format_func=column_words,
        **kept("attributes", run.attributes, many=True),
    )
    if verdicts:
        findings = findings[findings["verdict"].isin(verdicts)]
    if emotions:
        findings = findings[findings["emotion"].isin(emotions)]
    if attributes:
        findings = findings[[bool(set(where) & set(attributes)) for where in findings["where"]]]
    hidden = fourth.checkbox(
        "Hide explained",
        help="hide what follows from a cause or from the parent slice",
        **kept("explained", [True], text=lambda _: "hidden", first=False),
    )
    if hidden:
        findings = findings[on_its_own(findings)]
    return findings, f"{verdicts} {emotions} {attributes} {hidden}"


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
