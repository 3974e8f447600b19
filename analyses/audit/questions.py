"""What is asked beyond the cells: with something held fixed, against the truth, of numbers, of all emotions at once?

Each question is an analysis of its own; here stands which of them the data can answer, in which order, and on how many
pictures. A question that the caller asked for by name and that cannot be answered is an error; any other one is left out,
by name and with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.outcome_tables import outcome_tables
from affect_workbench.analyses.disparities.adjusted import adjusted_table
from affect_workbench.analyses.disparities.amplification import amplification_tables
from affect_workbench.analyses.disparities.calibration import calibration_table
from affect_workbench.analyses.disparities.distribution import distribution_table
from affect_workbench.analyses.disparities.error_rates import confusion_table, odds_table
from affect_workbench.analyses.disparities.group_metrics import comparability_table
from affect_workbench.analyses.disparities.numbers import severity_table
from affect_workbench.analyses.disparities.ranking import retrieval_tables
from affect_workbench.analyses.inference.clusters import group_codes
from affect_workbench.analyses.inference.verdicts import Rules
from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.pairs import pair_codes
from affect_workbench.analyses.slices.strata import strata
from affect_workbench.arrays import Vectors
from affect_workbench.data.predictions import Predictions

MOST_DRAWN_ANEW = 20_000
"""What deals out pictures one by one is asked of at most this many, drawn at random."""
NO_VALENCE = "severity of pictures predicted as "
_FEWER_DRAWS = 199
Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Besides:
    """What is known besides the predictions.

    Attributes:
        training: one row a training picture, with the attributes and its label or votes; for bias amplification.
        training_by_name: whether the caller named them: then they must fit the audited pictures.
        valence: label -> number, from the user's own lexicon; for severity, instead of polarity.
        temperature: turns cosines into probabilities, softmax(cosine / temperature).
        wordings: name -> label vectors `(k, m)` of other words for the same emotions (see `analyses.space.rewording`).
    """

    training: pd.DataFrame | None = None
    training_by_name: bool = True
    valence: Mapping[str, float] | None = None
    temperature: float | None = None
    wordings: Mapping[str, Vectors] | None = None


@dataclass(frozen=True)
class Answers:
    """What came of the questions.

    Attributes:
        tables: by name.
        left_out: (question, reason) of those that the data cannot answer.
        sampled: table -> pictures that it rests on, for tables of a sample; those of all pictures are not in it.
    """

    tables: dict[str, pd.DataFrame]
    left_out: list[tuple[str, str]]
    sampled: dict[str, int]


def further_answers(
    predictions: Predictions,
    attributes: Sequence[CodedAttribute],
    config: AuditConfig,
    *,
    besides: Besides | None = None,
    inferred: frozenset[str] = frozenset(),
    progress: Callable[[str], None] | None = None,
) -> Answers:
    """Every further table that these predictions can give.

    Args:
        predictions: of the `n` pictures.
        attributes: coded from the same pictures.
        config: what was asked for by name, and the rules.
        besides: what else is known.
        inferred: columns whose values were inferred.
        progress: called with the name of each question before it is asked.

    Raises:
        ValueError: something that was asked for by name cannot be answered (what, and why).
    """
    asker = _Asker(_Pictures(predictions, list(attributes)), config, besides or Besides(), inferred)
    answers = Answers({}, [], {})
    for question in asker.questions():
        if progress is not None:
            progress(question.name)
        try:
            found = question.answer()
        except ValueError as error:
            if question.by_name:
                raise
            answers.left_out.append((question.name, str(error)))
            continue
        answers.tables.update(found)
        answers.left_out.extend(asker.left_out)
        asker.left_out.clear()
        if question.pictures < len(predictions):
            answers.sampled.update(dict.fromkeys(found, question.pictures))
    return answers


@dataclass(frozen=True)
class _Pictures:
    """Predictions and attributes of the same pictures."""

    predictions: Predictions
    attributes: list[CodedAttribute]

    def at_most(self, count: int, seed: int) -> _Pictures:
        """At most `count` of them, drawn at random; pictures of one pair are drawn together."""
        n = len(self.predictions)
        if n <= count:
            return self
        mask = np.zeros(n, dtype=bool)
        rng, pairs = np.random.default_rng(seed), pair_codes(self.predictions.rows)
        if pairs is None:
            mask[rng.choice(n, count, replace=False)] = True
        else:
            own = np.where(pairs >= 0, pairs, pairs.max() + 1 + np.arange(n))
            order = rng.random(int(own.max()) + 1)[own]
            least = np.partition(order, count)[count]  # of the first pair that does not fit
            mask = order < least
        return _Pictures(
            self.predictions.take(mask), [replace(attribute, codes=attribute.codes[mask]) for attribute in self.attributes]
        )


@dataclass(frozen=True)
class _Question:
    """One thing to ask: in words, how, of how many pictures, and whether the caller asked for it by name."""

    name: str
    answer: Callable[[], Tables]
    pictures: int
    by_name: bool = False


class _Asker:
    """The questions; every method answers one of them."""

    def __init__(self, every: _Pictures, config: AuditConfig, besides: Besides, inferred: frozenset[str]) -> None:
        self.every, self.config, self.besides, self.inferred = every, config, besides, inferred
        self.few = every.at_most(MOST_DRAWN_ANEW, config.seed)
        # Independent pictures are dealt out as whole tables of counts; groups one by one.
        self.dealt = every if group_codes(every.predictions.rows) is None else self.few
        self.left_out: list[tuple[str, str]] = []
        self.rules = Rules(config.min_count, config.alpha, config.tolerance)

    def questions(self) -> list[_Question]:
        """What the data may answer, in the order of the report."""
        config, predictions = self.config, self.every.predictions
        every, few, dealt = (len(pictures.predictions) for pictures in (self.every, self.few, self.dealt))
        asked: list[_Question] = []
        if config.adjust_for:
            held = ", ".join(config.adjust_for)
            asked.append(_Question(f"differences adjusted for {held}", self.adjusted, every, by_name=True))
        if predictions.truth is not None:
            asked.append(_Question("error rates", self.truth_gaps, every))
            asked.append(_Question("calibration by slice", self.calibration, few))
        asked.append(_Question("severity", self.severity, dealt, by_name=self.besides.valence is not None))
        if predictions.truth is not None:
            asked.append(_Question("severity beyond the labels", self.severity_beyond_labels, dealt))
        asked += [
            _Question(f"outcome {name}", lambda name=name: self.outcome(name), every, by_name=True)  # type: ignore[misc]
            for name in config.outcomes
        ]
        asked.append(_Question("all emotions at once", self.distribution, dealt))
        asked.append(_Question("metrics of other tools", self.comparability, dealt, by_name=bool(config.favourable)))
        if predictions.measure != "label":
            asked.append(_Question("retrieval", self.retrieval, few))
        if self.besides.training is not None:
            asked.append(_Question("bias amplification", self.amplification, every, self.besides.training_by_name))
        # What is asked for by name is answered, whatever else is left.
        return [question for question in asked if config.further or question.by_name]

    def adjusted(self) -> Tables:
        return {
            "adjusted": adjusted_table(
                self.every.predictions,
                self.every.attributes,
                adjust_for=self.config.adjust_for,
                rules=self.rules,
                order=self.config.order,
                bins=self.config.bins,
                inferred=self.inferred,
                numeric=self.config.numeric,
                categorical=self.config.categorical,
            )
        }

    def truth_gaps(self) -> Tables:
        given = (self.every.predictions, self.every.attributes)
        return {
            "odds": odds_table(*given, rules=self.rules, inferred=self.inferred),
            "confusions": confusion_table(*given, rules=self.rules, inferred=self.inferred),
        }

    def calibration(self) -> Tables:
        return {
            "calibration": calibration_table(
                self.few.predictions,
                self.few.attributes,
                temperature=self.besides.temperature,
                rules=self.rules,
                draws=min(self.config.draws, _FEWER_DRAWS),
                seed=self.config.seed,
                inferred=self.inferred,
            )
        }

    def severity(self) -> Tables:
        table, without = self._severity(beyond_labels=False)
        if without:
            said = np.bincount(self.dealt.predictions.predicted, minlength=len(self.dealt.predictions.taxonomy))
            named = zip(self.dealt.predictions.taxonomy.labels, said, strict=True)
            counts = ", ".join(f"{label!r} ({count:,})" for label, count in named if label in without and count)
            if counts:
                self.left_out.append((f"{NO_VALENCE}{counts}", "no polarity is known for these labels: give --valence"))
        return {"severity": table}

    def severity_beyond_labels(self) -> Tables:
        return {"severity_beyond_labels": self._severity(beyond_labels=True)[0]}

    def _severity(self, *, beyond_labels: bool) -> tuple[pd.DataFrame, tuple[str, ...]]:
        config = self.config
        return severity_table(
            self.dealt.predictions,
            self.dealt.attributes,
            valence=self.besides.valence,
            beyond_labels=beyond_labels,
            min_count=config.min_count,
            alpha=config.alpha,
            draws=config.draws,
            seed=config.seed,
            inferred=self.inferred,
        )

    def outcome(self, name: str) -> Tables:
        config, predictions = self.config, self.every.predictions
        held = strata(predictions, config.adjust_for, bins=config.bins) if config.adjust_for else None
        return outcome_tables(predictions.rows, self.every.attributes, config, name=name, held=held, inferred=self.inferred)

    def distribution(self) -> Tables:
        config = self.config
        return {
            "distribution": distribution_table(
                self.dealt.predictions,
                self.dealt.attributes,
                min_count=config.min_count,
                draws=config.draws,
                seed=config.seed,
            )
        }

    def comparability(self) -> Tables:
        return {
            "comparability": comparability_table(
                self.dealt.predictions,
                self.dealt.attributes,
                favourable=self.config.favourable or None,
                draws=self.config.draws,
                seed=self.config.seed,
            )
        }

    def retrieval(self) -> Tables:
        slices, figures = retrieval_tables(
            self.few.predictions, self.few.attributes, draws=min(self.config.draws, _FEWER_DRAWS), seed=self.config.seed
        )
        return {"retrieval": slices, "retrieval_figures": figures}

    def amplification(self) -> Tables:
        assert self.besides.training is not None
        cells, means = amplification_tables(
            self.every.predictions,
            self.every.attributes,
            training=self.besides.training,
            draws=self.config.draws,
            seed=self.config.seed,
        )
        return {"amplification": cells, "amplification_means": means}
