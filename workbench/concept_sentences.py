"""What may be said of an attribute that a prompt or a vector inferred?"""

from __future__ import annotations

from analyses.concepts import ENTANGLED, ConceptReport
from analyses.gold_labels import ENOUGH_LABELS

STANDING_WARNING = (
    "Attributes marked (inferred) come from a model, not from people: a skew over them is an association with what that "
    f"model sees until at least {ENOUGH_LABELS} true labels calibrate it."
)
"""Said wherever a finding rests on an inferred attribute."""


def in_words(report: ConceptReport) -> list[str]:
    """What the report and the terminal say of one concept, a sentence each; the standing warning comes last."""
    sentences = [_origin(report), _cut(report), _quality(report)]
    if report.association is not None:
        sentences.append(str(report.association["sentence"]))
    if report.cosines:
        sentences.append(_cosines(report))
    if report.calibrated:
        sentences.append(f"{report.column}: calibrated on true labels; its error is known and still part of every skew.")
    else:
        sentences.append(STANDING_WARNING)
    return sentences


def _origin(report: ConceptReport) -> str:
    positive, opposite = report.concept.prompts
    if report.concept.kind == "prompt":
        return f"{report.column}: the prompt “{positive}” against “{opposite}”."
    return f"{report.column}: a given direction, {report.concept.width} wide."


def _cut(report: ConceptReport) -> str:
    count = round(report.cut.positives_share * report.n)
    return (
        f"{count:,} of {report.n:,} pictures say yes ({report.cut.positives_share:.1%}), above a score of "
        f"{report.cut.value:.4g}: {report.cut.how}."
    )


def _quality(report: ConceptReport) -> str:
    if report.quality is None:
        return "No true labels: how often the attribute is wrong is not known."
    sentence = f"{report.quality.in_words()} Measured on pictures that did not place the cut."
    if report.quality.balanced_low <= 0.5:
        sentence += " That may be no better than a coin: do not use the attribute."
    return sentence


def _cosines(report: ConceptReport) -> str:
    cosines = report.cosines or {}
    label = max(cosines, key=lambda name: abs(cosines[name]))
    sentence = f"Its direction is nearest to the emotion word {label!r} (cosine {cosines[label]:+.2f})."
    if abs(cosines[label]) >= ENTANGLED:
        sentence += (
            " That alone can invent a skew of several points: project it off the labels, or score with another encoder."
        )
    return sentence
