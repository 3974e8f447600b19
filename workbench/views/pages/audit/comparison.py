"""What changed between two models? The verdict, the causes, the pictures before and after, then the tables."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from affect_workbench.analyses.audit.compare.compare import Comparison
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.audit.comparison import sentences
from affect_workbench.workbench.audit.comparison.report import (
    Flip,
    change_forest,
    examples,
    flips_of,
    inside_sentence,
    moves_of,
    own_changes,
)
from affect_workbench.workbench.audit.comparison.store import load_comparison
from affect_workbench.workbench.interface.headers import headed
from affect_workbench.workbench.interface.numbers import markdown_text, probabilities
from affect_workbench.workbench.interface.style import CONFIG
from affect_workbench.workbench.views.components.folder_choice import load_folder
from affect_workbench.workbench.views.components.gallery import MOST_ROWS, show_thumbnails
from affect_workbench.workbench.views.settings import COMPARISON

_MOST_PICTURES = 12
_ANY = "any change"
_SHARES = ("skew_a", "skew_b", "change", "low", "high", "accuracy_a", "accuracy_b")


def render() -> None:
    """The verdict sentence first, then causes and pictures, then how sure, then every number."""
    st.title("Comparison")
    saved = load_folder(
        COMPARISON, label="Comparison of audits", load=load_comparison, command="workbench compare RUN RUN -o {}/compared"
    )
    if saved is None:
        return
    result = saved.comparison
    st.markdown(f"**{markdown_text(sentences.headline(result))}**")
    st.markdown(markdown_text(" ".join(sentences.outcome(result))))
    st.caption(markdown_text(f"Before (A): {saved.names[0]} · after (B): {saved.names[1]}"))
    for note in result.notes:
        st.warning(markdown_text(note))
    if len(result.causes):
        _causes(result.causes)
    if result.has_predictions:
        _pictures(result)
        _changes(result)
    _numbers(result)


def _causes(causes: pd.DataFrame) -> None:
    """What became of the causes of both; those that stayed are folded away."""
    st.header("Causes")
    lines = {"same": list[str](), "other": list[str]()}
    for row in causes.itertuples():
        told = f"- **{row.change}** · {markdown_text(sentences.cause_change(row))}"
        lines["same" if row.change == "same" else "other"].append(told)
    st.markdown("\n".join(lines["other"]) or "All stayed as they were.")
    if lines["same"]:
        with st.expander(f"{len(lines['same']):,} that stayed as they were"):
            st.markdown("\n".join(lines["same"]))


def _pictures(result: Comparison) -> None:
    """Pictures that are predicted differently: from what, to what."""
    st.header("Which pictures are predicted differently")
    moves = {
        f"{row.predicted_a} → {row.predicted_b} ({row.count:,})": row for row in moves_of(result).itertuples(index=False)
    }
    if not moves:
        st.info("None: both predict the same label for every picture.")
        return
    chosen = moves.get(st.selectbox("From A to B", [_ANY, *moves]))
    flips = result.flips
    if chosen is not None:
        flips = flips[(flips["predicted_a"] == chosen.predicted_a) & (flips["predicted_b"] == chosen.predicted_b)]
    _show(examples(result, flips, most=_MOST_PICTURES))
    order = ", those that contradict their label now and did not before first" if result.overall["labelled"] else ""
    st.caption(f"{min(len(flips), _MOST_PICTURES):,} of {len(flips):,} pictures{order}; all are in flips.csv.")


def _changes(result: Comparison) -> None:
    """The changes that are told, one at a time with its pictures; then all with their intervals."""
    st.header("What changed")
    own = own_changes(result)
    if own.empty:
        st.markdown("No skew is reported as changed.")
    else:
        rows = list(own.itertuples())
        row = st.selectbox("Change", rows, format_func=lambda row: f"{row.verdict}: {row.slice} → {row.emotion}")
        st.markdown(f"**{row.verdict}** · {sentences.markdown_change(row)}")
        st.caption(markdown_text(inside_sentence(result, row)))
        words, flips = flips_of(result, row)
        st.markdown(markdown_text(words))
        _show(flips)
    st.plotly_chart(change_forest(result.changes), theme=None, key="forest", config=CONFIG)


def _show(flips: list[Flip]) -> None:
    """Pictures with both predictions; in words alone where no file is there."""
    if not flips:
        return
    table = pd.DataFrame({"path": [flip.path for flip in flips]})
    if not show_thumbnails(table, [flip.what for flip in flips]):
        st.markdown("\n".join(f"- {markdown_text(f'{flip.id}: {flip.what}')}" for flip in flips))


def _numbers(result: Comparison) -> None:
    """Every pair, accuracy by slice, and outcomes."""
    if result.has_predictions:
        with st.expander(f"Every pair ({len(result.changes):,})"):
            names = ["slice", "emotion", "verdict", "n", "skew_a", "skew_b", "change", "low", "high", "q", "explained_by"]
            _table(result.changes[names], key="pairs")
        told = result.slices[result.slices["p"].notna()]
        if len(told):
            with st.expander(f"{sentences.accuracy_name(result.overall)} by slice ({len(told):,})"):
                names = ["slice", "labelled", "accuracy_a", "accuracy_b", "change", "low", "high", "gained", "lost", "q"]
                _table(told[names], key="accuracy")
    if len(result.outcomes):
        st.header("Outcomes")
        told = result.outcomes[result.outcomes["verdict"].isin(("worse", "better", "changed"))]
        lines = [f"- **{row.verdict}** · {markdown_text(sentences.outcome_change(row))}" for row in told.itertuples()]
        st.markdown("\n".join(lines) or "No difference of an outcome is reported as changed.")
        names = ["slice", "outcome", "verdict", "n", "skew_a", "skew_b", "change", "low", "high", "q"]
        words = [column_words(name) for name in result.outcomes["outcome"]]
        _table(result.outcomes[names].assign(outcome=words), key="outcomes", shares=())


def _table(table: pd.DataFrame, *, key: str, shares: tuple[str, ...] = _SHARES) -> None:
    """Shares in percent or points, as everywhere in the app."""
    shown: Any = table.head(MOST_ROWS).assign(q=probabilities(table["q"].head(MOST_ROWS)))
    shown = shown.assign(**{name: (100 * shown[name]).round(1) for name in shares if name in shown})
    st.dataframe(headed(shown), hide_index=True, key=key)
    unit = "Differences and their 95 % intervals are in points. " if shares else ""
    first = (
        f"The first {MOST_ROWS:,} of {len(table):,} rows; the CSV files of the folder have all."
        if len(table) > MOST_ROWS
        else ""
    )
    st.caption(f"{unit}{first}")


render()
