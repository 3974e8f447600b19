"""What may be said of an attribute that a prompt or a vector inferred?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.concepts.attributes import ConceptReport
from affect_workbench.analyses.concepts.calibrated_skew import ENOUGH_LABELS
from affect_workbench.analyses.concepts.entanglement import LABEL_CORRELATION
from affect_workbench.workbench.concepts.tables import CALIBRATED
from affect_workbench.workbench.interface.numbers import percent, points

CALIBRATION_WARNING = (
    "Attributes marked (inferred) come from a model, not from people: a skew over them is an association with what that "
    f"model sees until at least {ENOUGH_LABELS} true labels calibrate it."
)
"""Said wherever a finding rests on an inferred attribute."""
ASSOCIATION = "an association: nobody labelled the attribute"
"""Said of a finding that rests on an inferred attribute and was not calibrated."""


def in_words(report: ConceptReport) -> list[str]:
    """What the report and the terminal say of one concept, a sentence each; the standing warning comes last."""
    sentences = [_origin(report), _cut(report), _quality(report)]
    if report.association is not None:
        sentences.append(_association(report))
    if report.unproven:
        sentences.append("So its slices are listed as undetermined, and no finding rests on it.")
    if report.overlap is not None:
        sentences += _overlap(report)
    if report.uncalibrated:
        sentences.append(f"{report.column} is not calibrated: {report.uncalibrated}.")
    if not report.calibrated:
        sentences.append(CALIBRATION_WARNING)
    return sentences


def obtained(report: ConceptReport) -> str:
    """How an attribute was inferred and how often it is wrong, as the end of a line that begins with its name."""
    positive, opposite = report.concept.prompts
    prompted = f"the prompt “{positive}” against “{opposite}”" if report.concept.kind == "prompt" else "a given direction"
    quality = report.quality
    error = (
        "its error rate is not known, as there are no true labels"
        if quality is None
        else f"{percent(quality.accuracy)} of {quality.n:,} true labels agree [{percent(quality.accuracy_low)}, "
        f"{percent(quality.accuracy_high)}]"
    )
    return f"inferred from {prompted}, yes above a score of {report.cut.value:.4g}; {error}"


def calibration_note(reports: Sequence[ConceptReport]) -> str:
    """What stands above an audit with inferred attributes."""
    calibrated = [report.column for report in reports if report.calibrated]
    parts = [CALIBRATION_WARNING] if len(calibrated) < len(reports) else []
    if calibrated:
        parts.append(f"Calibrated on true labels: {', '.join(calibrated)}; read the calibrated skew beside the naive one.")
    unproven = [report.column for report in reports if report.unproven]
    if unproven:
        parts.append(f"No better than a random direction, so no finding rests on them: {', '.join(unproven)}.")
    return " ".join(parts)


def calibration_status(result: AuditResult, where: Any, emotion: Any) -> str:
    """What a finding over inferred attributes is worth, to be said behind it; "" where every attribute was declared.

    Args:
        result: the audit.
        where: the conditions of the finding's slice, column -> value.
        emotion: its label.
    """
    inferred = [column for column in where if column in result.run.inferred]
    if not inferred:
        return ""
    table = result.table(CALIBRATED)
    if table is None or len(where) > 1:
        return ASSOCIATION
    own = table[(table["column"] == inferred[0]) & (table["emotion"] == emotion)]
    if own.empty or own["effect"].isna().any():
        return ASSOCIATION
    cell = own.iloc[0]
    effect, low, high = cell["effect"], cell["low"], cell["high"]
    if where[inferred[0]] != "yes":
        effect, low, high = -effect, -high, -low
    return f"calibrated on {int(cell['gold']):,} true labels {points(effect)} [{points(low)}, {points(high)}]"


def calibration_sentences(table: pd.DataFrame) -> list[str]:
    """For each calibrated concept: what stands of its skews, in one sentence."""
    sentences = []
    for column, own in table.groupby("column", sort=False):
        sure = own[own["verdict"] == "skewed"]
        parts = [_cell(row) for row in sure.loc[sure["effect"].abs().sort_values(ascending=False).index].itertuples()]
        gone = own[(own["verdict"] != "skewed") & (own["naive_verdict"] == "skewed")]
        difference = (
            f"differ beyond the tolerance in {'; '.join(parts)}" if parts else "differ in no emotion beyond the tolerance"
        )
        gold = int(own["gold"].iloc[0])
        sentence = f"{column}: calibrated on {gold:,} true labels, pictures that truly have it {difference}."
        if len(gone):
            sentence += (
                f" Of the skews of the inferred attribute, {', '.join(gone['emotion'])} "
                f"{'is' if len(gone) == 1 else 'are'} not confirmed."
            )
        small = own[own["effect"].isna()]
        if len(small):
            sentence += f" Too few labels for {', '.join(small['emotion'])}."
        sentences.append(sentence)
    return sentences


def _cell(row: Any) -> str:
    """A calibrated skew beside the naive one."""
    interval = f"[{points(row.low)}, {points(row.high)}]"
    return f"{row.emotion} {points(row.effect)} points {interval}, inferred {points(row.naive)}"


def _origin(report: ConceptReport) -> str:
    positive, opposite = report.concept.prompts
    if report.concept.kind == "prompt":
        return f"{report.column}: the prompt “{positive}” against “{opposite}”."
    return f"{report.column}: a given direction, {report.concept.width} wide."


def _cut(report: ConceptReport) -> str:
    count = round(report.cut.positives_share * report.n)
    return (
        f"{count:,} of {report.n:,} pictures are classified as yes ({percent(report.cut.positives_share)}), above "
        f"a score of {report.cut.value:.4g}: {report.cut.how}."
    )


def _quality(report: ConceptReport) -> str:
    if report.quality is None:
        return "No true labels: the error rate of the attribute is not known."
    sentence = f"{report.quality.in_words()} Measured on pictures that were not used to set the threshold."
    if report.quality.balanced_low <= 0.5:
        sentence += " This may be no better than guessing: do not use the attribute."
    return sentence


def _association(report: ConceptReport) -> str:
    found = report.association or {}
    return f"{found['sentence']} Of uniformly drawn directions 95 % stay below {found['isotropic_95']:.2f}."


def nearest_sentence(table: pd.DataFrame) -> str:
    """Which emotion word the direction leans to, where that is sure; else which are about equally near.

    Args:
        table: one row a label: `cosine`, and `ahead` with `ahead_95` (`analyses.concepts.entanglement.lead`); without these
            no word is called the nearest.
    """
    first = table.iloc[int(table["cosine"].abs().argmax())]
    alike = table
    if "ahead" in table:
        alike = table[(table["ahead"] <= table["ahead_95"]) | (table.index == first.name)]
    if len(alike) > 1:
        low, high = (f"{value:+.2f}".replace("-", "−") for value in (alike["cosine"].min(), alike["cosine"].max()))
        between = f"cosines {low} to {high}" if low != high else f"cosine {low}"
        which = "" if len(alike) == len(table) else f": {', '.join(alike['label'])}"
        return (
            f"{len(alike)} of {len(table)} emotion words are about equally correlated with its direction ({between}){which}."
        )
    way = "is most correlated with" if first["cosine"] > 0 else "is most negatively correlated with"
    cosine = f"{first['cosine']:+.2f}".replace("-", "−")
    return f"Its direction {way} the emotion word {first['label']!r} (cosine {cosine})."


def _overlap(report: ConceptReport) -> list[str]:
    """How near the nearest emotion word is, what that makes up, and what was done about it."""
    table = report.overlap
    assert table is not None  # the caller asked
    sentences = [nearest_sentence(table)]
    if "made_up" in table:
        most = table.iloc[int(table["made_up"].abs().argmax())]
        sentences.append(
            "Its overlap with the emotion words alone, with everything else permuted, induces a spurious skew of "
            f"{points(most['made_up'])} points toward {most['label']}; 95 % of random directions of these "
            f"pictures stay below {points(most['null_95'], signed=False)} points there, 95 % of uniformly drawn "
            f"directions below {points(most['isotropic_95'], signed=False)}."
        )
    if report.kept is not None:
        sentences.append(
            f"That overlap was projected off; scores with and without it correlate at r = {report.kept:.2f} "
            "(--concept-project no keeps it)."
        )
    elif table["entangled"].any():
        sentences.append(
            f"A cosine of {LABEL_CORRELATION:g} can induce a spurious skew of several points: project it off "
            "(--concept-project yes), or score with another encoder (--concept-features)."
        )
    return sentences
