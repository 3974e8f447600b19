"""What is asked beyond the cells: with something held fixed, against the truth, of numbers, of all emotions at once?

`QUESTIONS` lists the additional analyses in the order of the report, and says which data can answer each and on how many
pictures. A question that the caller asked for by name and that cannot be answered is an error; any other one is left out,
by name and with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.outcome_tables import outcome_tables
from affect_workbench.analyses.disparities.adjusted import adjusted_table
from affect_workbench.analyses.disparities.amplification import amplification_tables
from affect_workbench.analyses.disparities.calibration import calibration_table
from affect_workbench.analyses.disparities.distribution import distribution_table
from affect_workbench.analyses.disparities.error_rates import confusion_table, odds_table
from affect_workbench.analyses.disparities.group_metrics import comparability_table
from affect_workbench.analyses.disparities.numbers import label_valence, severity_table, without_valence
from affect_workbench.analyses.disparities.ranking import retrieval_tables
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.strata import Strata, strata
from affect_workbench.arrays import Vectors

MOST_RESAMPLED = 20_000
"""What permutes single pictures is asked of at most this many, drawn at random."""
NO_VALENCE = "severity of pictures predicted as "
FEWER_DRAWS = 199
"""Resamples, at most, of the tables that take long to resample: `FEWER_DRAWN`."""
FEWER_DRAWN = ("calibration", "retrieval")
Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class AuditContext:
    """What is known besides the predictions.

    Attributes:
        training: one row a training picture, with the attributes and its label or votes; for bias amplification.
        training_by_name: whether the caller named them: then they must fit the audited pictures.
        valence: label -> number, from the user's own lexicon; for severity, instead of polarity.
        temperature: turns cosines into probabilities, softmax(cosine / temperature).
        prompt_variants: name -> label vectors `(k, m)` of other words for the emotions (see `analyses.space.rewording`).
    """

    training: pd.DataFrame | None = None
    training_by_name: bool = True
    valence: Mapping[str, float] | None = None
    temperature: float | None = None
    prompt_variants: Mapping[str, Vectors] | None = None


@dataclass(frozen=True)
class QuestionResults:
    """What came of the questions.

    Attributes:
        tables: by name.
        left_out: (question, reason) of those that the data cannot answer.
        sampled: table -> pictures that it rests on, for tables of a sample; those of all pictures are not in it.
    """

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    sampled: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """An additional analysis. Its functions are asked with the pictures, the config and the context.

    Attributes:
        name: in words.
        answer: the tables.
        pictures: whether it is asked of every picture, of at most `MOST_RESAMPLED`, or of so many only where pictures come
            in groups: independent ones are permuted as whole tables of counts, groups one by one.
        possible: whether there is anything to ask.
        by_name: whether the caller asked for it by name.
        omissions: what of it is left out, and why.
    """

    name: str
    answer: Callable[[SlicedPredictions, AuditConfig, AuditContext], Tables]
    pictures: Literal["every", "sample", "sample of groups"] = "every"
    possible: Callable[[SlicedPredictions, AuditConfig, AuditContext], bool] = lambda data, config, context: True
    by_name: Callable[[AuditConfig, AuditContext], bool] = lambda config, context: False
    omissions: Callable[[SlicedPredictions, AuditContext], list[tuple[str, str]]] = lambda data, context: []


def ask_questions(data: SlicedPredictions, config: AuditConfig, *, context: AuditContext) -> QuestionResults:
    """Every additional table that these predictions can give; without `config.further` what was asked for by name.

    Raises:
        ValueError: something that was asked for by name cannot be answered (what, and why).
    """
    sample = data.sample(MOST_RESAMPLED, seed=config.seed, whole_pairs=True)
    pictures = {"every": data, "sample": sample, "sample of groups": data if data.groups is None else sample}
    results = QuestionResults()
    for question in QUESTIONS:
        by_name, asked = question.by_name(config, context), pictures[question.pictures]
        if not (by_name or config.further) or not question.possible(data, config, context):
            continue
        try:
            found = question.answer(asked, config, context)
        except ValueError as error:
            if by_name:
                raise
            results.left_out.append((question.name, str(error)))
            continue
        results.tables.update(found)
        results.left_out.extend(question.omissions(asked, context))
        if len(asked) < len(data):
            results.sampled.update(dict.fromkeys(found, len(asked)))
    return results


def _strata(data: SlicedPredictions, config: AuditConfig) -> Strata:
    return strata(
        data.predictions, config.adjust_for, bins=config.bins, numeric=config.numeric, categorical=config.categorical
    )


def _adjusted(data: SlicedPredictions, config: AuditConfig, context: AuditContext) -> Tables:
    return {"adjusted": adjusted_table(data, _strata(data, config), rules=config.rules)}


def _error_rates(data: SlicedPredictions, config: AuditConfig, context: AuditContext) -> Tables:
    rules = config.rules.without_intersections
    return {"odds": odds_table(data, rules=rules), "confusions": confusion_table(data, rules=rules)}


def _calibration(data: SlicedPredictions, config: AuditConfig, context: AuditContext) -> Tables:
    sampling = config.sampling.at_most(FEWER_DRAWS)
    return {"calibration": calibration_table(data, temperature=context.temperature, rules=config.rules, sampling=sampling)}


def _severity(data: SlicedPredictions, config: AuditConfig, context: AuditContext) -> Tables:
    rules = config.rules.without_intersections
    return {"severity": severity_table(data, valence=context.valence, rules=rules, sampling=config.sampling)}


def _severity_beyond_labels(data: SlicedPredictions, config: AuditConfig, context: AuditContext) -> Tables:
    rules = config.rules.without_intersections
    table = severity_table(data, valence=context.valence, beyond_labels=True, rules=rules, sampling=config.sampling)
    return {"severity_beyond_labels": table}


def _without_valence(data: SlicedPredictions, context: AuditContext) -> list[tuple[str, str]]:
    counts = without_valence(data.predictions, label_valence(data.predictions.taxonomy, context.valence))
    return [(f"{NO_VALENCE}{counts}", "no polarity is known for these labels: give --valence")] if counts else []


def _outcomes(data: SlicedPredictions, config: AuditConfig, context: AuditContext) -> Tables:
    adjusted_for = _strata(data, config) if config.adjust_for else None
    tables: dict[str, pd.DataFrame] = {}
    for name in config.outcomes:
        tables |= outcome_tables(data, config, name=name, adjusted_for=adjusted_for)
    return tables


def _distribution(data: SlicedPredictions, config: AuditConfig, context: AuditContext) -> Tables:
    return {"distribution": distribution_table(data, rules=config.rules, sampling=config.sampling)}


def _comparability(data: SlicedPredictions, config: AuditConfig, context: AuditContext) -> Tables:
    return {"comparability": comparability_table(data, favourable=config.favourable or None, sampling=config.sampling)}


def _retrieval(data: SlicedPredictions, config: AuditConfig, context: AuditContext) -> Tables:
    slices, figures = retrieval_tables(data, sampling=config.sampling.at_most(FEWER_DRAWS))
    return {"retrieval": slices, "retrieval_figures": figures}


def _amplification(data: SlicedPredictions, config: AuditConfig, context: AuditContext) -> Tables:
    assert context.training is not None  # the question is not possible without
    cells, means = amplification_tables(data, training=context.training, sampling=config.sampling)
    return {"amplification": cells, "amplification_means": means}


def _has_truth(data: SlicedPredictions, config: AuditConfig, context: AuditContext) -> bool:
    return data.predictions.truth is not None


QUESTIONS: tuple[Question, ...] = (
    Question(
        "adjusted differences",
        _adjusted,
        possible=lambda data, config, context: bool(config.adjust_for),
        by_name=lambda config, context: True,
    ),
    Question("error rates", _error_rates, possible=_has_truth),
    Question("calibration by slice", _calibration, "sample", possible=_has_truth),
    Question(
        "severity",
        _severity,
        "sample of groups",
        by_name=lambda config, context: context.valence is not None,
        omissions=_without_valence,
    ),
    Question("severity beyond the labels", _severity_beyond_labels, "sample of groups", possible=_has_truth),
    Question(
        "outcomes",
        _outcomes,
        possible=lambda data, config, context: bool(config.outcomes),
        by_name=lambda config, context: True,
    ),
    Question("all emotions at once", _distribution, "sample of groups"),
    Question(
        "metrics of other tools", _comparability, "sample of groups", by_name=lambda config, context: bool(config.favourable)
    ),
    Question("retrieval", _retrieval, "sample", possible=lambda data, config, context: data.predictions.measure != "label"),
    Question(
        "bias amplification",
        _amplification,
        possible=lambda data, config, context: context.training is not None,
        by_name=lambda config, context: context.training_by_name,
    ),
)
"""The additional analyses, in the order of the report."""
