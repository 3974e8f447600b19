"""How does an audit become one HTML file that opens offline, on any machine, and says what it does not know?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.inference.verdicts import VERDICTS
from affect_workbench.analyses.skew.findings import on_its_own
from affect_workbench.workbench.concepts.figures import concept_figures
from affect_workbench.workbench.interface.numbers import points
from affect_workbench.workbench.interface.options import as_shown
from affect_workbench.workbench.interface.page import figure_html, template
from affect_workbench.workbench.report import sentences
from affect_workbench.workbench.report.cards.every_attribute import cards_of
from affect_workbench.workbench.report.comparisons import compared_with
from affect_workbench.workbench.report.evidence.choice import Claims, with_note
from affect_workbench.workbench.report.evidence.gallery import MOST_PICTURES, Gallery, Picture, SlicePictures, slice_pictures
from affect_workbench.workbench.report.figures import findings as figures
from affect_workbench.workbench.report.figures import map as map_figure
from affect_workbench.workbench.report.figures.accuracy import accuracy_figure
from affect_workbench.workbench.report.figures.calibration import coverage_figure, reliability_figure
from affect_workbench.workbench.report.findings_list import MOST_INTERSECTIONS, MOST_SINGLE, MOST_WRITTEN, findings_list
from affect_workbench.workbench.report.first_page.headline import (
    beside_headline,
    caveats,
    differing_strata,
    headline,
    outcome,
    strata_mark,
)
from affect_workbench.workbench.report.first_page.outcome import cause_outcome
from affect_workbench.workbench.report.first_page.tiles import first_tiles
from affect_workbench.workbench.report.outcomes.html import outcome_html
from affect_workbench.workbench.report.outcomes.sentences import outcome_sentence
from affect_workbench.workbench.report.sections import Section, report_sections
from affect_workbench.workbench.report.sections.fidelity import certificate_box
from affect_workbench.workbench.report.sections.reliability import (
    accuracy_sentence,
    answer_sentence,
    coverage_note,
    gap_sentence,
    unsure_sentence,
)
from affect_workbench.workbench.report.space.section import FIGURES, section_figures, space_section
from affect_workbench.workbench.report.system.section import read_first, stated_card, system_section, use_warning
from affect_workbench.workbench.runs.reviews import Review, ReviewedFinding, marks, match_reviews, progress_sentence

MOST_SENTENCES = 15
MOST_NUMBERS = 8
MOST_REVIEWED = 600
MOST_EXCLUDED = 200
MOST_ON_MAP = 2_000
MOST_BYTES = 6_000_000
_MOST_EXAMPLES = 8


def report_html(result: AuditResult, *, reviews: Sequence[Review] = (), pictures: bool = True) -> str:
    """The report as one self-contained page under 6 MB; the same audit always gives the same bytes.

    plotly.js is inlined once; nothing is fetched from anywhere; everything that comes from the data is escaped. Long ids
    and names can make the page too large: then fewer table rows and pictures are put into it, and it says how many.

    Args:
        result: of `run_audit`, or opened with `workbench.runs.store.load_audit`.
        reviews: what people decided about its findings (`workbench.runs.reviews.load_reviews`).
        pictures: whether pictures are shown; else they are only named.
    """
    if not pictures:
        result = replace(result, samples=result.samples.drop(columns="path", errors="ignore"))
    if not result.has_predictions:
        return outcome_html(result)
    found, further = match_reviews(result, reviews), report_sections(result)
    for share, rows in ((1.0, 1.0), (0.5, 1.0), (0.2, 1.0), (0.05, 1.0), (0.05, 0.1), (0.05, 0.01)):
        page = _page(result, found, further, _PageLimits.scaled(share, rows=rows))
        if len(page.encode()) < MOST_BYTES:
            break
    return page


@dataclass(frozen=True)
class _PageLimits:
    """The most that is put into a page: the share of table rows, and numbers of pictures and slices."""

    rows: float
    excluded: int
    on_map: int
    slices: int
    pictures: int

    @classmethod
    def scaled(cls, share: float, *, rows: float) -> _PageLimits:
        return cls(
            rows,
            int(share * MOST_EXCLUDED),
            int(share * MOST_ON_MAP),
            max(int(share * figures.MOST_SLICES), 8),
            int(share * MOST_PICTURES),
        )


def _page(result: AuditResult, found: list[ReviewedFinding], further: list[Section], most: _PageLimits) -> str:
    findings, strata = result.findings, differing_strata(result)
    own = findings[(findings["verdict"] == "skewed") & on_its_own(findings)]
    numbers = result.outcomes[(result.outcomes["verdict"] == "skewed") & result.outcomes["explained_by"].isna()]
    decided: dict[Any, str] = marks(found)
    gallery, claims = Gallery(result.samples, most=most.pictures), Claims(result.samples, result.taxonomy)
    told, cards = cause_outcome(result), cards_of(result, gallery=gallery, claims=claims)
    leading = [
        (
            sentences.finding_sentence(row, truth=result.run.truth, caveats=caveats(result, row, strata=strata)),
            _examples(claims, row, gallery),
            decided.get(row.Index),
        )
        for row in own.head(MOST_SENTENCES).itertuples()
    ]
    strata_marks = [strata_mark(strata.get(pair)) for pair in zip(findings["slice"], findings["emotion"], strict=True)]
    listed = findings_list(
        findings.assign(review=pd.Series(decided, dtype=object), strata=strata_marks),
        single=int(most.rows * MOST_SINGLE),
        intersections=int(most.rows * MOST_INTERSECTIONS),
        written=int(most.rows * MOST_WRITTEN),
    )
    inline = len(gallery.pictures)
    behind = slice_pictures(result, gallery, figures.heat_map_slices(result, most=most.slices), claims=claims)
    return template("report.html").render(
        result=result,
        beside=sentences.beside,
        run=result.run,
        compared=compared_with(findings),
        measured=sentences.MEASURES[result.run.measure],
        config=as_shown(result.run.config),
        provenance=result.run.provenance,
        headline=headline(result),
        outcome=outcome(result) if told is None else told.lead,
        counted=" ".join((f"{result.headline}.", *([told.rest] if told is not None and told.rest else []))),
        beside_headline=list(beside_headline(result)),
        cards=cards,
        first_tiles=first_tiles(result, cards),
        certificate=certificate_box(result),
        counts=[(verdict, result.count(verdict), sentences.VERDICT_MEANING[verdict]) for verdict in VERDICTS],
        leading=leading,
        behind=behind,
        gallery=_gallery_json(gallery, behind, inline=inline, truth=result.run.truth != "none"),
        leading_of=len(own),
        numbers=[outcome_sentence(row) for row in numbers.head(MOST_NUMBERS).itertuples()],
        numbers_of=len(numbers),
        forest=_drawn("forest", figures.forest(result)),
        split=_drawn("split", figures.split(result)),
        heat_map=_drawn("heat-map", figures.heat_map(result, most=most.slices)),
        pull=_drawn("pull", figures.pull(result, most=most.slices)),
        map=_drawn("map", map_figure.picture_map(result, most=most.on_map)),
        space=space_section(result),
        system=system_section(result),
        read_first=read_first(result),
        prohibited=bool(use_warning(stated_card(result))),
        space_figures={
            name: _drawn(name, figure)
            for name, figure in (
                dict.fromkeys(FIGURES) | section_figures(result, slices=most.slices, on_map=most.on_map // 2)
            ).items()
        },
        badge=sentences.map_badge(result.run.map, len(result.samples)),
        on_map=min(most.on_map, int(result.samples["audit_x"].notna().sum())),
        reading=_accuracy_section(result),
        concept_figures=[(one, _drawn(one.name, one.figure)) for one in concept_figures(result)],
        rows=list(_rows(listed.written)),
        listed=listed,
        reviewed=found[: int(most.rows * MOST_REVIEWED)],
        reviewed_of=len(found),
        review_sentence=progress_sentence(result, found),
        slices_of_one=int((result.slices["order"] == 1).sum()),
        most_slices=most.slices,
        report_sections=[(section, _drawn(f"figure-{section.name}", section.figure)) for section in further],
        excluded=list(_rows(result.excluded.head(most.excluded))),
        excluded_of=len(result.excluded),
        detectable=_detectable(findings),
        json=lambda value: json.dumps(value, ensure_ascii=False),
    )


def _rows(table: pd.DataFrame) -> Any:
    """Table rows with NaN as None, so that the template need not know about NaN."""
    return table.astype(object).where(table.notna(), None).itertuples()


@dataclass(frozen=True)
class Example:
    """A picture behind a finding: its number on the page, what it shows, and whether it stands there for the first time."""

    number: int
    picture: Picture
    what: str
    first: bool


def _examples(claims: Claims, finding: Any, gallery: Gallery) -> tuple[str, list[Example]]:
    """Which pictures show a finding, in words, and a few of them."""
    claim, before = claims.of(finding), len(gallery.pictures)
    found = [
        Example(number, gallery.pictures[number], with_note(gallery.pictures[number].what, note), number >= before)
        for number, note in gallery.shows(claim, most=_MOST_EXAMPLES)
    ]
    return claim.words, found


def _gallery_json(gallery: Gallery, slices: list[SlicePictures], *, inline: int, truth: bool) -> str:
    """What the page's script needs: pictures (without those that stand on the page already) and which are behind what."""
    record = {
        "truth": truth,
        "pictures": [
            {
                "id": one.id,
                "what": one.what,
                "shown": bool(one.thumbnail),
                "src": one.thumbnail if number >= inline else None,
            }
            for number, one in enumerate(gallery.pictures)
        ],
        "slices": [
            {
                "name": one.name,
                "n": one.n,
                "worst": one.worst,
                "typical": one.typical,
                "cells": {label: [cell.n, cell.shown] for label, cell in one.cells.items()},
                "claims": {label: [claim.words, claim.n, claim.shown, claim.notes] for label, claim in one.claims.items()},
            }
            for one in slices
        ],
    }
    # Nothing in the data can end the script element.
    return json.dumps(record, ensure_ascii=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")


def _detectable(findings: pd.DataFrame) -> str:
    """The range of smallest detectable effects over tested cells, in points."""
    tested = findings.loc[findings["p"].notna(), "detectable"]
    if tested.empty:
        return "none was tested"
    low, middle, high = (points(float(tested.quantile(q)), signed=False) for q in (0, 0.5, 1))
    return f"{low} to {high} points, median {middle}"


@dataclass(frozen=True)
class AccuracySection:
    """How well the labelled pictures are read: what is said and what is drawn; the last two lack without probabilities."""

    accuracy: str
    doubts: tuple[str, ...]
    models: str | None
    reliability: str | None
    coverage: str | None
    note: str = ""


def _accuracy_section(result: AuditResult) -> AccuracySection | None:
    reading = result.accuracy
    if reading is None:
        return None
    models, sentence = (
        _drawn("accuracy", accuracy_figure(reading.models, measure=reading.measure)),
        accuracy_sentence(reading),
    )
    found = reading.confidence
    if found is None:
        return AccuracySection(sentence, (unsure_sentence(result.run.measure, truth=reading.truth),), models, None, None)
    return AccuracySection(
        sentence,
        (gap_sentence(found), answer_sentence(found)),
        models,
        _drawn("reliability", reliability_figure({found.model: found.reliability})),
        _drawn("coverage", coverage_figure({found.model: found.coverage}, threshold=found.threshold)),
        coverage_note(found),
    )


def _drawn(name: str, figure: go.Figure | None) -> str | None:
    return None if figure is None else figure_html(name, figure)
