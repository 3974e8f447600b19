"""What does a whole audit find? Slices, skews, structure and map of one set of predictions, frozen in one result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.notes import label_notes, prediction_notes
from affect_workbench.analyses.audit.pair_notes import pair_exclusions, pair_notes, pairing_of
from affect_workbench.analyses.audit.questions import FEWER_DRAWN, FEWER_DRAWS, AuditContext, QuestionResults, ask_questions
from affect_workbench.analyses.audit.result import AuditResult, RunInfo, now
from affect_workbench.analyses.audit.tables import excluded_table, is_mapped, map_of, map_record, samples_of
from affect_workbench.analyses.disparities.accuracy import ACCURACY, accuracy_table
from affect_workbench.analyses.fidelity.certificate import certificate_tables
from affect_workbench.analyses.inference.clusters import group_spreads, of_scores
from affect_workbench.analyses.skew.causes.table import find_causes
from affect_workbench.analyses.skew.findings import ranked, skew_table
from affect_workbench.analyses.skew.in_pairs import InPairs
from affect_workbench.analyses.skew.label_tree import label_tree_levels, level_table
from affect_workbench.analyses.skew.prompts import BetweenPrompts
from affect_workbench.analyses.slices.attribute_kinds import kind_notes
from affect_workbench.analyses.slices.circular_columns import repeating_columns
from affect_workbench.analyses.slices.coding import coded_attributes
from affect_workbench.analyses.slices.sliced import SlicedPredictions
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
    context: AuditContext | None = None,
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
        context: what is known besides the predictions: training pictures, a valence lexicon, a temperature.
        provenance: what the caller knows of where the data came from (command, fingerprints); kept in `run`.
        progress: called with the name of each step before it starts.

    Raises:
        ValueError: an unknown attribute, nothing to slice by, or a further question that was asked for by name and cannot
            be answered.
    """
    config, context, aside = config or AuditConfig(), context or AuditContext(), dict(unproven or {})
    say = progress or (lambda step: None)
    say("slicing")
    data, unusable = _sliced(predictions, config, inferred)
    proven = data.without(frozenset(aside))
    say("counting")
    beside = 1 + len(predictions.taxonomy)
    sums = slice_sums(data.attributes, data.scores.columns, order=config.order, min_count=config.min_count, beside=beside)
    say("testing")
    spreads = {} if data.groups is None else group_spreads(sums, data, compared=of_scores(data.scores))
    pairing = pairing_of(sums.specs, data, min_count=config.min_count)
    in_pairs = None if pairing is None else InPairs.of(pairing, data.scores)
    prompts = BetweenPrompts.of(data, rules=config.rules)
    findings = skew_table(sums, data, rules=config.rules, spreads=spreads, pairs=in_pairs, prompts=prompts)
    findings = without_verdicts(findings, aside)
    answers = QuestionResults()
    told: dict[str, pd.DataFrame] = {}
    if config.causes:
        say("looking for causes")
        causes = find_causes(data, sums, findings, rules=config.rules, spreads=spreads, seed=config.seed)
        findings, told = causes.findings, {"causes": causes.table}
    if proven.attributes and (config.further or config.outcomes or config.adjust_for):
        say("additional analyses")
        answers = ask_questions(proven, config, context=context)
    tables = told
    if "hit" in data.scores:
        accuracy = accuracy_table(sums, data, rules=config.rules, spread=spreads.get("hit"))
        tables[ACCURACY] = without_verdicts(accuracy, aside)
    if predictions.answered is not None:
        tables |= certificate_tables(proven, rules=config.rules, sampling=config.sampling)
    tables |= answers.tables
    if proven.attributes and config.further:
        levels = level_table(sums, data, rules=config.rules, pairing=pairing)
        findings = findings.assign(label_tree_level=label_tree_levels(findings, levels, taxonomy=predictions.taxonomy))
        single = levels["where"].map(len) == 1
        tables["levels"] = without_verdicts(levels[single].reset_index(drop=True), aside)
    if in_pairs is not None:
        tables["pairs"] = in_pairs.table(sums.specs, data.scores.of("said"), rules=config.rules, inferred=inferred)
    if prompts is not None:
        tables["prompts"] = prompts.table(sums.specs, predictions.taxonomy.labels)
    structure = structure_table(sums, data, spreads=spreads)
    slices = slice_table(sums, data, spreads=spreads)
    if is_mapped(predictions, config):
        say("drawing the map")
    drawn = map_of(predictions, config)
    if predictions.measure != "label":
        say("analysing the embedding space")
    tables |= space_tables(
        proven,
        skewed=frozenset(findings.loc[findings["verdict"] == "skewed", "slice"]),
        on_map=None if drawn is None else drawn.positions,
        most=config.space_pictures,
        seed=config.seed,
        prompt_variants=context.prompt_variants,
    )
    return AuditResult(
        taxonomy=predictions.taxonomy,
        findings=findings,
        slices=slices,
        structure=structure,
        samples=samples_of(data, drawn),
        excluded=excluded_table(
            data,
            slices,
            min_count=config.min_count,
            reasons={"attribute": unusable, "concept": aside.items(), "question": answers.left_out},
            intersections=sums.excluded,
            in_pairs=pair_exclusions(pairing, data, specs=sums.specs, min_count=config.min_count),
        ),
        run=RunInfo(
            created=now(),
            pictures=len(predictions),
            pictures_with_truth=int(np.isfinite(truth[:, 0]).sum()) if (truth := predictions.truth) is not None else 0,
            truth="votes" if predictions.has_votes else "labels" if truth is not None else "none",
            measure=predictions.measure,
            source=predictions.source,
            attributes=tuple(attribute.column for attribute in data.attributes),
            inferred=tuple(sorted(inferred)),
            unproven=aside,
            tested=int(findings["p"].notna().sum()),
            config=config,
            sampled=answers.sampled,
            resamples={name: FEWER_DRAWS for name in FEWER_DRAWN if name in tables and config.draws > FEWER_DRAWS},
            map=map_record(drawn, predictions),
            notes=(
                *predictions.notes,
                *prediction_notes(predictions),
                *label_notes(data),
                *kind_notes(predictions.rows, data.attributes, numeric=config.numeric, categorical=config.categorical),
                *pair_notes(predictions.rows, pairing, min_count=config.min_count),
            ),
            provenance=provenance or {},
        ),
        tables=tables,
    )


def _sliced(
    predictions: Predictions, config: AuditConfig, inferred: frozenset[str]
) -> tuple[SlicedPredictions, list[tuple[str, str]]]:
    """The predictions with the attributes that they are sliced by, and (name, reason) of those that they are not."""
    available = [name for name in attribute_columns(predictions.rows) if name not in config.outcomes]
    coded, unusable = coded_attributes(
        predictions.rows,
        config.attributes,
        available=available,
        bins=config.bins,
        numeric=config.numeric,
        categorical=config.categorical,
        aside=repeating_columns(predictions, [name for name in available if name not in inferred]),
    )
    return SlicedPredictions(predictions, tuple(coded), inferred), unusable


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
    for name in ("attribution", "explained_by", "way", "parent"):
        if name in table:
            table.loc[aside, name] = None
    told = np.asarray(aside) & (table["verdict"] != "too small").to_numpy()
    table.loc[told, "verdict"] = "undetermined"
    return ranked(table) if "attribution" in table else table
