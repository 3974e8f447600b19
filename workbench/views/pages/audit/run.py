"""Where do these numbers come from, how well are the pictures read, and what is not in them?"""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from affect_workbench.analyses.audit.accuracy import MeasuredAccuracy
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.numbers import markdown_text
from affect_workbench.workbench.interface.options import as_shown
from affect_workbench.workbench.interface.style import CONFIG
from affect_workbench.workbench.report.figures import calibration as calibration_figures
from affect_workbench.workbench.report.figures.accuracy import accuracy_figure
from affect_workbench.workbench.report.sections import reliability as reliability_sentences
from affect_workbench.workbench.report.system.section import SystemSection, system_section
from affect_workbench.workbench.views.state import current_audit, current_folder

_MADE_WITH = (
    "features",
    "features_fingerprint",
    "probe",
    "probe_fingerprint",
    "anchors",
    "asked_model",
    "asked_prompts",
    "attributes_table",
)


def render() -> None:
    """Provenance, accuracy and confidence, what was left out, and the files to take away."""
    result, folder = current_audit(), current_folder()
    run = result.run
    st.title("Run")
    if "command" in run.provenance:
        st.code(run.provenance["command"], language="bash", wrap_lines=True)
    read = {
        "pictures": f"{run.pictures:,}, {run.pictures_with_truth:,} of them with {run.truth}",
        "predictions": f"{run.source} ({run.measure})",
        "taxonomy": f"{result.taxonomy.name}: {', '.join(result.taxonomy.labels)}",
    }
    compared = {
        "pictures": f"{run.pictures:,}",
        "numbers": f"{column_words(', '.join(run.config.outcomes))} of {run.source}",
    }
    facts = {
        "made": run.created,
        **(read if result.has_predictions else compared),
        **{column_words(name): run.provenance[name] for name in _MADE_WITH if name in run.provenance},
        "tested pairs": f"{run.tested:,}",
        "settings": json.dumps(as_shown(run.config)),
        "versions": ", ".join(f"{name} {version}" for name, version in run.versions.items()),
    }
    st.table(pd.DataFrame({"": list(facts.values())}, index=list(facts)))

    if result.accuracy is not None:
        _show_accuracy(result.accuracy, measure=run.measure)
    _show_system(system_section(result))
    st.header("Exclusions and reasons")
    if result.excluded.empty:
        st.markdown("Nothing: every attribute, slice and picture is in the tables.")
    else:
        st.caption(f"{plural(len(result.excluded), 'item')}. Being left out says nothing about bias.")
        st.dataframe(_worded(result.excluded), hide_index=True, key="excluded")

    st.header("Downloads")
    table = result.findings if result.has_predictions else result.outcomes
    findings = table.assign(where=[json.dumps(where) for where in table["where"]])
    st.download_button("Findings (CSV)", findings.to_csv(index=False).encode(), "findings.csv", "text/csv")
    report = folder / "report.html"
    if report.is_file():
        st.download_button("Report (HTML, opens offline)", report.read_bytes(), "report.html", "text/html")


def _show_system(found: SystemSection) -> None:
    st.header("The system and its data")
    for part, pairs in found.stated.items():
        words = "  \n".join(f"*{what}:* {markdown_text(words)}" for what, words in pairs)
        st.markdown(f"**{part}**  \n{words}")
    if found.stated:
        st.caption("This was stated with the audit; it was not verified, and it changes no number.")
    if found.not_stated:
        st.markdown(markdown_text(found.not_stated))
    st.markdown(markdown_text(" ".join((*found.labels, *found.missing))))
    with st.expander("How each attribute was obtained"):
        st.markdown("\n".join(f"- {markdown_text(line)}" for line in found.attributes))


def _show_accuracy(quality: MeasuredAccuracy, *, measure: str) -> None:
    st.header("How accurate is it?")
    st.markdown(markdown_text(reliability_sentences.accuracy_sentence(quality)))
    st.plotly_chart(accuracy_figure(quality.models, measure=quality.measure), theme=None, key="accuracy", config=CONFIG)
    st.subheader("Is its confidence calibrated?")
    found = quality.confidence
    if found is None:
        st.markdown(markdown_text(reliability_sentences.unsure_sentence(measure, truth=quality.truth)))
        return
    words = f"{reliability_sentences.gap_sentence(found)} {reliability_sentences.answer_sentence(found)}"
    st.markdown(markdown_text(words))
    left, right = st.columns(2)
    reliability = calibration_figures.reliability_figure({found.model: found.reliability})
    left.plotly_chart(reliability, theme=None, key="reliability", config=CONFIG)
    coverage = calibration_figures.coverage_figure({found.model: found.coverage}, threshold=found.threshold)
    right.plotly_chart(coverage, theme=None, key="coverage", config=CONFIG)
    st.caption(reliability_sentences.coverage_note(found))


def _worded(excluded: pd.DataFrame) -> pd.DataFrame:
    """What was left out, columns named in words; the names of slices are words already."""
    return excluded.assign(name=excluded["name"].where(excluded["what"] == "slice", excluded["name"].map(column_words)))


render()
