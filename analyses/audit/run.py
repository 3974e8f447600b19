"""What does a whole audit find? Slices, skews, structure and map of one set of predictions, frozen in one result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.notes import prediction_notes
from affect_workbench.analyses.audit.pair_notes import pair_exclusions, pair_notes, pairing_of
from affect_workbench.analyses.audit.questions import Answers, Besides, further_answers
from affect_workbench.analyses.audit.result import AuditResult, RunInfo, now
from affect_workbench.analyses.audit.tables import excluded_table, map_of, map_record, samples_of
from affect_workbench.analyses.disparities.accuracy import ACCURACY, accuracy_table
from affect_workbench.analyses.inference.clusters import group_codes, group_spreads, of_scores
from affect_workbench.analyses.inference.means.spread import Spread
from affect_workbench.analyses.inference.verdicts import Rules
from affect_workbench.analyses.skew.findings import ranked, skew_table
from affect_workbench.analyses.skew.in_pairs import InPairs
from affect_workbench.analyses.skew.label_tree import coarsest, level_table
from affect_workbench.analyses.slices.attribute_kinds import kind_notes
from affect_workbench.analyses.slices.coding import coded_attributes
from affect_workbench.analyses.slices.repeats import repeating_columns
from affect_workbench.analyses.slices.scores import scores
from affect_workbench.analyses.slices.sums import slice_sums
from affect_workbench.analyses.space.geometry.anchor_distances import slice_table, structure_table
from affect_workbench.analyses.space.tables import space_tables
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.tables.columns import attribute_columns


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
        predictions.rows,
        config.attributes,
        available,
        bins=config.bins,
        numeric=config.numeric,
        categorical=config.categorical,
        aside=repeating,
    )
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
        sums,
        per_picture,
        predictions.taxonomy,
        min_count=config.min_count,
        alpha=config.alpha,
        tolerance=config.tolerance,
        spreads=spreads,
        inferred=inferred,
        pairs=in_pairs,
    )
    aside = dict(unproven or {})
    findings = without_verdicts(findings, aside)
    proven = [attribute for attribute in coded if attribute.column not in aside]
    further = Answers({}, [], {})
    if proven and (config.further or config.outcomes or config.adjust_for):
        say("additional analyses")
        further = further_answers(predictions, proven, config, besides=besides, inferred=inferred)
    if config.further and proven:
        levels = level_table(
            sums,
            per_picture,
            predictions.taxonomy,
            coded,
            rules=rules,
            order=config.order,
            groups=groups,
            inferred=inferred,
            pairing=pairing,
        )
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
    say("analysing the embedding space")
    space = space_tables(
        predictions,
        proven,
        skewed=frozenset(findings.loc[findings["verdict"] == "skewed", "slice"]),
        inferred=inferred,
        on_map=None if drawn is None else drawn.positions,
        most=config.space_pictures,
        seed=config.seed,
        wordings=None if besides is None else besides.wordings,
    )
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
        run=RunInfo(
            created=now(),
            pictures=len(predictions),
            pictures_with_truth=int(np.isfinite(truth[:, 0]).sum()) if (truth := predictions.truth) is not None else 0,
            truth="votes" if predictions.has_votes else "labels" if truth is not None else "none",
            measure=predictions.measure,
            source=predictions.source,
            attributes=tuple(attribute.column for attribute in coded),
            inferred=tuple(sorted(inferred)),
            unproven=aside,
            tested=int(findings["p"].notna().sum()),
            config=config,
            sampled=further.sampled,
            map=map_record(drawn, predictions),
            notes=(
                *predictions.notes,
                *prediction_notes(predictions),
                *kinds,
                *pair_notes(predictions.rows, pairing, min_count=config.min_count),
            ),
            provenance=provenance or {},
        ),
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
