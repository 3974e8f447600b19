"""What does a whole audit find? Slices, skews, structure and map of one set of predictions, frozen in one result."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pandas as pd

from analyses.attribute_kinds import kind_notes
from analyses.audit_notes import prediction_notes
from analyses.audit_tables import excluded_table, map_of, map_record, samples_of
from analyses.cells import VERDICTS, Rules
from analyses.clusters import group_codes, group_spreads, of_scores
from analyses.config import AuditConfig
from analyses.counting import slice_sums
from analyses.further import Answers, Besides, further_answers
from analyses.in_pairs import InPairs
from analyses.levels import coarsest, level_table
from analyses.outcomes import outcome_findings
from analyses.pair_notes import pair_exclusions, pair_notes, pairing_of
from analyses.reading import ReadingQuality
from analyses.repeats import repeating_columns
from analyses.scores import scores
from analyses.selftest import SelfTest
from analyses.skew import Finding, ranked, skew_table
from analyses.slice_accuracy import ACCURACY, accuracy_table
from analyses.slices import coded_attributes
from analyses.space.step import space_tables
from analyses.spread import Spread
from analyses.structure import slice_table, structure_table
from data.features import attribute_columns
from data.predictions import Predictions
from data.taxonomy import Taxonomy

SCHEMA = 1


@dataclass(frozen=True)
class AuditResult:
    """Everything an audit found; reports and app only render it.

    Attributes:
        taxonomy: the labels.
        findings: one row a (slice, emotion) cell, columns of `Finding`, ranked.
        slices: one row a slice (see `slice_table`).
        structure: one row a (slice, emotion): distances to the anchors (see `structure_table`).
        samples: one row a picture: the predictions' rows with `predicted`, `audit_agreement` (share of votes for the
            predicted label, NaN without truth), `audit_margin`, and its place `audit_x`, `audit_y` on the map (NaN when
            not on it).
        excluded: what was left out and why: `what` (attribute, concept, question, slice, pictures), `name`, `n`, `reason`.
        run: versions, seeds, fingerprints, config, command, notes that a reader must see, and the map's badge.
        reading: how well the labelled pictures were read, where the caller measured it.
        selftest: how often the rules raise an alarm about nothing on these data, where that was tried.
        tables: what was asked beyond the cells, by name (see `analyses.further`); each is a section of report and app.
    """

    taxonomy: Taxonomy
    findings: pd.DataFrame
    slices: pd.DataFrame
    structure: pd.DataFrame
    samples: pd.DataFrame
    excluded: pd.DataFrame
    run: Mapping[str, Any]
    reading: ReadingQuality | None = None
    selftest: SelfTest | None = None
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def has_predictions(self) -> bool:
        """Whether emotions were predicted at all; else numbers alone were compared (`analyses.outcome_audit`)."""
        return len(self.taxonomy) > 0

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """One row a (slice, outcome), ranked (see `analyses.outcomes.outcome_findings`); empty where none was asked for."""
        return outcome_findings(self.tables)

    def finding(self, position: int) -> Finding:
        """Row `position` of `findings` as a `Finding`, NaN as None."""
        row = self.findings.iloc[position]
        record: dict[str, Any] = {str(name): None if _is_missing(value) else value for name, value in row.items()}
        return Finding(**record)

    def count(self, verdict: str) -> int:
        """How many (slice, emotion) cells have this verdict; where nothing is predicted, how many (slice, outcome) pairs.

        Raises:
            ValueError: no such verdict.
        """
        if verdict not in VERDICTS:
            raise ValueError(f"no verdict {verdict!r}; verdicts: {', '.join(VERDICTS)}")
        return int(((self.findings if self.has_predictions else self.outcomes)["verdict"] == verdict).sum())

    @property
    def headline(self) -> str:
        """The outcome in one sentence."""
        what, table = ("emotion", self.findings) if self.has_predictions else ("outcome", self.outcomes)
        small, skewed = self.count("too small"), self.count("skewed")
        sentence = (
            f"{skewed:,} of {len(table):,} (slice, {what}) pairs {'is' if skewed == 1 else 'are'} skewed; "
            f"{small:,} {'is' if small == 1 else 'are'} too small to tell, {self.count('undetermined'):,} undetermined, "
            f"{self.count('equivalent'):,} equivalent"
        )
        if not self.has_predictions or self.outcomes.empty:
            return sentence
        numbers = int((self.outcomes["verdict"] == "skewed").sum())
        verb = "is" if numbers == 1 else "are"
        return f"{sentence}; of the numbers, {numbers:,} of {len(self.outcomes):,} (slice, outcome) pairs {verb} skewed"


def run_audit(
    predictions: Predictions,
    config: AuditConfig | None = None,
    *,
    inferred: frozenset[str] = frozenset(),
    unproven: Mapping[str, str] | None = None,
    besides: Besides | None = None,
    provenance: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] | None = None,
) -> AuditResult:
    """Slices the predictions by their attributes and says for every (slice, emotion) what the data can tell.

    Args:
        predictions: of a probe or of any model.
        config: what to ask; the defaults of `AuditConfig` when not given.
        inferred: attributes that were inferred, not declared; their slices are corrected for many tests apart.
        unproven: inferred attributes on which no finding may rest, with the reason: their slices are counted, their verdict
            is "undetermined" wherever there are enough pictures, and nothing further is asked of them.
        besides: what is known besides the predictions: training pictures, a valence lexicon, a temperature.
        provenance: what the caller knows of where the data came from (command, fingerprints); kept in `run`.
        progress: called with the name of each step before it starts.

    Raises:
        ValueError: an unknown attribute, nothing to slice by, or a further question that was asked for by name and cannot
            be answered.
    """
    config, say = config or AuditConfig(), progress or (lambda step: None)
    say("slicing")
    available = [name for name in attribute_columns(predictions.rows) if name not in config.outcomes]
    repeating = repeating_columns(predictions, [name for name in available if name not in inferred])
    coded, unusable = coded_attributes(
        predictions.rows, config.attributes, available, bins=config.bins, numeric=config.numeric,
        categorical=config.categorical, aside=repeating,
    )  # fmt: skip
    kinds = kind_notes(predictions.rows, coded, config.numeric, config.categorical)
    say("counting")
    per_picture = scores(predictions)
    k = len(predictions.taxonomy)
    sums = slice_sums(coded, per_picture.columns, order=config.order, min_count=config.min_count, beside=1 + k)
    say("testing")
    groups = group_codes(predictions.rows)
    spreads: dict[str, Spread] = {}
    if groups is not None:
        spreads = group_spreads(sums, coded, groups, of_scores(per_picture), order=config.order)
    pairing = pairing_of(
        predictions.rows, sums.specs, coded, order=config.order, min_count=config.min_count, inferred=inferred
    )
    in_pairs = None if pairing is None else InPairs.of(pairing, per_picture)
    rules = Rules(config.min_count, config.alpha, config.tolerance)
    findings = skew_table(
        sums, per_picture, predictions.taxonomy, min_count=config.min_count, alpha=config.alpha,
        tolerance=config.tolerance, spreads=spreads, inferred=inferred, pairs=in_pairs,
    )  # fmt: skip
    aside = dict(unproven or {})
    findings = without_verdicts(findings, aside)
    proven = [attribute for attribute in coded if attribute.column not in aside]
    further = Answers({}, [], {})
    if proven and (config.further or config.outcomes or config.adjust_for):
        say("asking further")
        further = further_answers(predictions, proven, config, besides=besides, inferred=inferred)
    if config.further and proven:
        levels = level_table(
            sums, per_picture, predictions.taxonomy, coded, rules=rules, order=config.order, groups=groups,
            inferred=inferred, pairing=pairing,
        )  # fmt: skip
        findings["coarsest"] = coarsest(findings, levels, predictions.taxonomy)
        levels = without_verdicts(levels, aside)
        further.tables["levels"] = levels[levels["where"].map(len) == 1].reset_index(drop=True)
    accuracy: dict[str, pd.DataFrame] = {}
    if "hit" in per_picture:
        table = accuracy_table(sums, per_picture, rules=rules, spread=spreads.get("hit"), inferred=inferred)
        accuracy[ACCURACY] = without_verdicts(table, aside)
    if in_pairs is not None:
        further.tables["pairs"] = in_pairs.table(sums.specs, per_picture.of("said"), rules=rules, inferred=inferred)
    structure = structure_table(sums, per_picture, predictions.taxonomy, spreads=spreads)
    slices = slice_table(sums, per_picture, coded, predictions.embeddings, spreads=spreads)
    say("drawing the map")
    drawn = map_of(predictions, config)
    say("measuring the space")
    space = space_tables(
        predictions, proven, skewed=frozenset(findings.loc[findings["verdict"] == "skewed", "slice"]), inferred=inferred,
        on_map=None if drawn is None else drawn.positions, most=config.space_pictures, seed=config.seed,
        wordings=None if besides is None else besides.wordings,
    )  # fmt: skip
    return AuditResult(
        taxonomy=predictions.taxonomy,
        findings=findings,
        slices=slices,
        structure=structure,
        samples=samples_of(predictions, per_picture, drawn),
        excluded=excluded_table(
            coded,
            unusable,
            slices,
            sums.excluded,
            further.left_out,
            aside,
            config.min_count,
            pair_exclusions(pairing, coded, sums.specs, min_count=config.min_count),
        ),
        run={
            "schema": SCHEMA,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "pictures": len(predictions),
            "pictures_with_truth": int(np.isfinite(truth[:, 0]).sum()) if (truth := predictions.truth) is not None else 0,
            "truth": "votes" if predictions.has_votes else "labels" if truth is not None else "none",
            "measure": predictions.measure,
            "source": predictions.source,
            "attributes": [attribute.column for attribute in coded],
            "inferred": sorted(inferred),
            "unproven": aside,
            "tested": int(findings["p"].notna().sum()),
            "config": asdict(config),
            "sampled": further.sampled,
            "map": map_record(drawn, predictions),
            "notes": [
                *predictions.notes,
                *prediction_notes(predictions),
                *kinds,
                *pair_notes(predictions.rows, pairing, min_count=config.min_count),
            ],
            "versions": versions(),
            **(provenance or {}),
        },
        tables={**accuracy, **further.tables, **space},
    )


def without_verdicts(table: pd.DataFrame, unproven: Mapping[str, str]) -> pd.DataFrame:
    """The table in its order of verdicts, with nothing said of slices that have a condition on one of these attributes.

    They keep their numbers and lose p, q and whatever follows from being picked; what is too small stays that.
    """
    aside = [not unproven.keys().isdisjoint(where) for where in table["where"]]
    if not any(aside):
        return table
    picked = ("p", "q", "adjusted_low", "adjusted_high", "excess", "excess_low", "excess_high")
    table = table.copy()
    table.loc[aside, [name for name in picked if name in table]] = np.nan
    for name in ("origin", "repeats"):
        if name in table:
            table.loc[aside, name] = None
    told = np.asarray(aside) & (table["verdict"] != "too small").to_numpy()
    table.loc[told, "verdict"] = "undetermined"
    return ranked(table) if "origin" in table else table


def versions() -> dict[str, str]:
    """Versions of Python, of this project and of the libraries that the numbers depend on."""
    found = {"python": platform.python_version(), "platform": f"{sys.platform} {platform.machine()}"}
    for name in ("affect-workbench", "numpy", "pandas", "scipy", "scikit-learn", "umap-learn", "torch"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value))
