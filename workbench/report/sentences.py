"""How is a finding said in one sentence that a reader without statistics understands?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.space.geometry.plane import LEAST_TRUST
from affect_workbench.data.tables.columns import column_words
from affect_workbench.workbench.interface.numbers import _escaped, percent, points, small_q

VERDICT_MEANING = {
    "skewed": "differs beyond chance and by more than the tolerance",
    "equivalent": "differs by less than the tolerance",
    "undetermined": "inconclusive: the data show neither a difference nor its absence",
    "too small": "too few pictures for a statement",
}
ATTRIBUTION_MEANING = {
    "model": "the model adds this",
    "labels": "this is attributed to the {truth}",
    "both": "the model adds to it",
    "unclear": "it cannot be attributed to {truth} or model",
}

MEASURES = {
    "cosine": "by the cosine to each label",
    "score": "by a score of each label",
    "label": "predicted labels only, without scores",
    "number": "numbers alone",
}
"""What predictions are compared by -> in words."""


def finding_sentence(finding: Any, *, truth: str = "labels", caveats: str = "") -> list[tuple[str, str]]:
    """The finding as (text, style) pieces, style one of `plain`, `slice`, `emotion`, `quiet`.

    Pieces rather than HTML, so that the report, the app and the terminal each dress (and escape) them their own way.

    Args:
        finding: a `Finding`, or a row of `AuditResult.findings`.
        truth: what the truth is made of, `labels` or `votes`.
        caveats: what limits the finding (`workbench.report.first_page.headline.caveats`).
    """
    lead, others = "Pictures with ", "other pictures"
    if (pairs := _number(finding, "pairs")) is not None:
        # Of a row of a table, `where` is a method.
        where = finding["where"] if isinstance(finding, pd.Series) else finding.where
        lead = f"{in_pairs(pairs, _number(finding, 'pairs_mixed') or 0, where)}, pictures with "
        others = "their partners"
    pieces = [(lead, "plain"), (finding.slice, "slice"), (" are predicted as ", "plain"), (finding.emotion, "emotion")]
    if finding.rate is None or math.isnan(finding.rate):
        return [*pieces, (f": too few pictures (n = {finding.n:,}).", "plain")]
    pieces.append((f" {percent(finding.rate)} of the time, {others} {percent(finding.complement_rate)}: ", "plain"))
    pieces.append((f"{points(finding.effect)} points", "effect"))
    pieces.append((f" [{points(finding.low)}, {points(finding.high)}]", "plain"))
    pieces.append((f", {small_q(finding.q)}, n = {finding.n:,}", "quiet"))
    if isinstance(finding.label_gap, float) and not math.isnan(finding.label_gap):
        pieces.append((f"; the {truth} themselves differ by {points(finding.label_gap)} points (label gap)", "plain"))
    if isinstance(finding.attribution, str):
        pieces.append((f": {ATTRIBUTION_MEANING[finding.attribution].format(truth=truth)}", "plain"))
    if caveats:
        pieces.append((f"; {caveats}", "plain"))
    return [*pieces, (".", "plain")]


def in_pairs(pairs: float, mixed: float, where: Mapping[str, Any]) -> str:
    """What a slice was compared in: `In 400 pairs that differ in camera only`.

    Args:
        pairs: how many.
        mixed: how many of them differ in another attribute as well.
        where: the slice's conditions, in one of which at least they differ.
    """
    columns = " or ".join(column_words(column) for column in where)
    more = f" ({mixed:,.0f} of them also in another attribute)" if mixed else " only"
    return f"In {pairs:,.0f} pair{'' if pairs == 1 else 's'} that differ in {columns}{more}"


def _number(finding: Any, name: str) -> float | None:
    """None where it is not known, or was not kept by an older version."""
    value = getattr(finding, name, None)
    return None if value is None or math.isnan(value) else float(value)


def beside(finding: Any) -> str:
    """What stands beside the difference, for who asks: the rate's own interval, drawn toward the wider slice, as ratios."""

    def known(value: float | None) -> bool:
        return value is not None and not math.isnan(value)

    if not known(finding.rate) or not known(finding.rate_low):
        return ""
    parts = [f"rate {percent(finding.rate)} [{percent(finding.rate_low)}, {percent(finding.rate_high)}]"]
    if known(finding.pooled_rate):
        parts.append(f"{percent(finding.pooled_rate)} when partially pooled toward the parent slice")
    if known(finding.ratio):
        parts.append(f"{finding.ratio:.2f} times the rate of the other pictures")
    parts.append("log-odds " + f"{finding.log_odds:+.2f}".replace("-", "−"))
    if known(finding.excess):
        parts.append(f"{points(finding.excess)} points beyond what its parent slices explain")
    if isinstance(finding.label_tree_level, str) and finding.label_tree_level != finding.emotion:
        parts.append(f"also skewed at the label-tree level {finding.label_tree_level}")
    if known(finding.design_effect) and finding.design_effect > 1.005:
        parts.append(
            f"design effect {finding.design_effect:.2f}: {finding.design_effect:.1f} pictures of these groups carry the "
            "information of one independent picture"
        )
    if known(finding.design_effect) and finding.design_effect < 0.995:
        parts.append(
            f"design effect {finding.design_effect:.2f}: groups lie on both sides, so one picture carries the information "
            f"of {1 / finding.design_effect:.1f} independent ones"
        )
    if known(finding.model_gap_q):
        parts.append(f"model gap: {small_q(finding.model_gap_q)} over all attributions")
    detectable = points(finding.detectable, signed=False)
    parts.append(f"a single test detects differences of about {detectable} points or more (80 % power)")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def plain_sentence(finding: Any, *, truth: str = "labels", caveats: str = "") -> str:
    """The finding as plain text."""
    return "".join(text for text, _ in finding_sentence(finding, truth=truth, caveats=caveats))


def markdown_sentence(finding: Any, *, truth: str = "labels", caveats: str = "") -> str:
    """The finding as Markdown with every character of the data escaped."""
    return markdown_of(finding_sentence(finding, truth=truth, caveats=caveats))


def markdown_of(pieces: Iterable[tuple[str, str]]) -> str:
    """(text, style) pieces of a sentence as Markdown with every character of the data escaped."""
    marks = {"slice": "*", "emotion": "**", "effect": "**"}
    marked = ((marks.get(style, ""), text) for text, style in pieces)
    # Emphasis only works when its marks touch the text.
    return "".join(f"{mark}{_escaped(text.strip() if mark else text)}{mark}" for mark, text in marked)


def map_objection(record: Mapping[str, Any] | None) -> str:
    """Why a map, or a plane, is not shown, by its own figures; "" where it may be, and where nothing was measured.

    Args:
        record: with its `trustworthiness`.
    """
    trust = None if record is None else record.get("trustworthiness")
    if trust is None or math.isnan(trust) or trust >= LEAST_TRUST:
        return ""
    return (
        f"The map is not shown, because it would mean nothing: its trustworthiness is {trust:.2f}, nearer to that of places "
        "dealt out at random (0.50) than to 1, so pictures beside each other on it are mostly not alike."
    )


def map_badge(record: Mapping[str, Any] | None, pictures: int) -> str:
    """How far the map can be trusted, in words."""
    if record is None:
        return "There is no map: it was switched off, or the predictions contain labels only."
    if objection := map_objection(record):
        return objection
    name = {"umap": "UMAP", "pca": "PCA (too few pictures for UMAP)"}[record["method"]]
    trust = record["trustworthiness"]
    badge = f"trustworthiness {trust:.2f} of 1" if trust is not None else "too few pictures to measure its trustworthiness"
    for measure, words in (
        ("continuity", "continuity {:.2f}"),
        ("overlap", "{:.2f} of nearest neighbours preserved"),
        ("disagreement", "maps with different seeds differ by {:.2f} of 1"),
    ):
        if record.get(measure) is not None:
            badge += ", " + words.format(record[measure])
    some = f", a random sample of {record['pictures']:,} of {pictures:,} pictures" if record["pictures"] < pictures else ""
    return f"{name} of the {record['space']}{some}; {badge}. For orientation only: no number here is computed on the map."


def samples_in(result: AuditResult, where: dict[str, Any]) -> pd.DataFrame:
    """The pictures behind a slice."""
    from affect_workbench.analyses.slices.conditions import SliceSpec

    return result.samples[SliceSpec.from_json(where).mask(result.samples)]
