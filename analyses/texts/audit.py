"""What do texts about pictures say more often, or less, of the pictures of a slice?

The slices, rules and run folder of an audit of numbers (`analyses.audit.outcomes`): each outcome is a number a picture
(`analyses.texts.measures`), so that many texts about one picture count as one, and pictures of one person as their group.
All (slice, outcome) pairs share one false discovery rate. A share of texts has the tolerance of a rate; valence and length
have that of a number.

A text that names the attribute itself is no evidence of bias: `dark` is a negative word in many a lexicon and a fact about a
dark picture. In slices of an attribute the words of its name and values do not count; both figures are kept
(`attribute_words`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.outcome_tables import ADJUSTED_PREFIX, OUTCOME_PREFIX
from affect_workbench.analyses.audit.outcomes import run_outcome_audit
from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.disparities.adjusted_numbers import adjusted_numeric_table
from affect_workbench.analyses.disparities.number_tests import NumberTests, number_tests
from affect_workbench.analyses.disparities.numbers import decided_tables
from affect_workbench.analyses.slices.sliced import SlicedRows
from affect_workbench.analyses.slices.strata import Strata
from affect_workbench.analyses.texts.lexicon import Lexicon
from affect_workbench.analyses.texts.measures import EMPTY, NOT_SHARES, NOTHING, REFUSED, TextMeasures, text_measures
from affect_workbench.analyses.texts.words import all_words, words_by_attribute
from affect_workbench.arrays import Codes, Floats
from affect_workbench.data.answers.texts import Texts
from affect_workbench.data.datasets.measurements import Measurements
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.columns import attribute_columns

TEXTS_TABLE, WORDS_TABLE = "texts", "attribute_words"


def run_text_audit(
    texts: Texts,
    rows: pd.DataFrame,
    config: AuditConfig | None = None,
    *,
    lexicon: Lexicon | None = None,
    keep_attribute_words: bool = False,
    provenance: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] | None = None,
) -> AuditResult:
    """Slices pictures by their attributes and says for every (slice, outcome) what their texts can tell.

    Args:
        texts: about the pictures.
        rows: one row a picture with `image_id`, attributes, and `group_id` where pictures come in groups; pictures without
            a text are left aside.
        config: what to ask; its `outcomes` give way to those of texts.
        lexicon: words to look for; the built-in ones when not given.
        keep_attribute_words: count words of the attribute itself as well; what they change is shown in any case.
        provenance: what the caller knows of where the data came from.
        progress: called with the name of each step before it starts.

    Returns:
        The audit, with the tables `texts` (a row a text) and, where words of an attribute change anything,
        `attribute_words`.

    Raises:
        ValueError: no picture has a text, a column has the name of an outcome, no outcome differs between any two pictures,
            or see `run_outcome_audit`.
    """
    say = progress or (lambda step: None)
    say("reading texts")
    config = config or AuditConfig()
    rows = rows[rows["image_id"].isin(texts.rows["image_id"])].reset_index(drop=True)
    measures = text_measures(texts.rows[texts.rows["image_id"].isin(rows["image_id"])].reset_index(drop=True), lexicon)
    if rows.empty:
        raise ValueError(f"{texts.source}: none of {plural(len(texts), 'text')} is about a picture with attributes")
    taken = sorted(set(measures.outcomes) & set(map(str, rows.columns)))
    if taken:
        raise ValueError(f"the attribute {taken[0]!r} has the name of an outcome of texts: rename it")
    names = config.attributes or attribute_columns(rows)
    words = words_by_attribute(rows, [name for name in names if name in rows])
    compared = _Compared(measures, rows["image_id"], words, keep_attribute_words)
    outcomes = [name for name in measures.outcomes if _varies(compared.plain[name])]
    if not outcomes:
        raise ValueError(f"{texts.source}: the texts about all pictures are alike in all that is measured")
    shown = compared.plain if keep_attribute_words else compared.without(frozenset(words))
    measured = pd.concat([rows, shown[outcomes].reset_index(drop=True)], axis=1)
    notes = (*texts.notes, *_notes(measures, outcomes))
    measurements = Measurements(measured, tuple(outcomes), texts.source, notes)
    result = run_outcome_audit(measurements, config, provenance=provenance, progress=progress, compared=compared)
    return replace(result, tables={**result.tables, TEXTS_TABLE: measures.table()})


@dataclass(frozen=True)
class _Compared:
    """Makes the tables of all outcomes: each slice without the words of its own attributes, and what these words change."""

    measures: TextMeasures
    ids: pd.Series
    words: Mapping[str, frozenset[str]]
    keep: bool

    @cached_property
    def plain(self) -> pd.DataFrame:
        """Every outcome with every word, a row a picture."""
        return self.measures.by_picture().reindex(self.ids)

    @cached_property
    def touched(self) -> frozenset[str]:
        """Attributes whose words were found among those that count."""
        return frozenset(name for name, words in self.words.items() if words & self.measures.words)

    def without(self, attributes: frozenset[str]) -> pd.DataFrame:
        """Every outcome without the words of some attributes."""
        if not attributes & self.touched:
            return self.plain
        left_out = all_words(self.words, attributes & self.touched)
        return self.measures.by_picture(left_out=left_out).reindex(self.ids)

    def __call__(self, data: SlicedRows, config: AuditConfig, adjusted_for: Strata | None) -> dict[str, pd.DataFrame]:
        plain = [self._tests(self.plain[name], data, config, name) for name in config.outcomes]
        subsets = _rows_by_attributes(plain[0], self.touched)
        own = list(plain)
        lost: list[list[Codes]] = [[] for _ in plain]
        for attributes, at in subsets.items():
            numbers = self.without(attributes)
            for place, name in enumerate(config.outcomes):
                if numbers[name].equals(self.plain[name]):
                    continue
                if _varies(numbers[name]):
                    own[place] = own[place].chosen(self._tests(numbers[name], data, config, name), at)
                else:
                    own[place] = _untested(own[place], at)
                    lost[place].append(at)
        without, whole = (decided_tables(tests, rules=config.rules, inferred=data.inferred) for tests in (own, plain))
        changed = self._changed(without, whole, config.outcomes, subsets)
        tables: dict[str, pd.DataFrame] = {WORDS_TABLE: changed} if len(changed) else {}
        for place, name in enumerate(config.outcomes):
            table = whole[place] if self.keep else without[place].drop(np.concatenate([*lost[place], np.zeros(0, int)]))
            tables[OUTCOME_PREFIX + name] = table.reset_index(drop=True)
            values = data.rows[name]
            if adjusted_for is not None and _varies(values):
                tables[ADJUSTED_PREFIX + name] = adjusted_numeric_table(
                    values.to_numpy(np.float64),
                    data,
                    adjusted_for=adjusted_for,
                    rules=config.rules,
                    sampling=config.sampling,
                    tolerance=tolerance_of(name, config),
                    name=name,
                )
        return tables

    def _tests(self, values: pd.Series, data: SlicedRows, config: AuditConfig, name: str) -> NumberTests:
        numbers: Floats = values.to_numpy(np.float64)
        tolerance = tolerance_of(name, config)
        return number_tests(numbers, data, rules=config.rules, sampling=config.sampling, tolerance=tolerance, name=name)

    def _changed(
        self,
        without: Sequence[pd.DataFrame],
        whole: Sequence[pd.DataFrame],
        outcomes: Sequence[str],
        subsets: Mapping[frozenset[str], Codes],
    ) -> pd.DataFrame:
        """A row for each (slice, outcome) whose difference the words of its attributes change; the larger changes first."""
        parts = []
        twice = ["effect", "low", "high", "verdict"]
        for attributes, at in subsets.items():
            found = sorted(all_words(self.words, attributes) & self.measures.words)
            for name, judged, plain in zip(outcomes, without, whole, strict=True):
                one, other = judged.iloc[at], plain.iloc[at]
                differs = ~np.isclose(one["effect"], other["effect"], rtol=0, atol=1e-12, equal_nan=True)
                table = one.loc[differs, ["slice", "where", "n", *twice]].assign(outcome=name, words=", ".join(found))
                with_words = {f"{column}_with": other.loc[differs, column] for column in twice}
                parts.append(table.assign(**with_words, spread=other.loc[differs, "spread"]))
        if not parts:
            return pd.DataFrame()
        changed = pd.concat(parts, ignore_index=True)
        size = (changed["effect_with"] - changed["effect"].fillna(0)).abs() / changed["spread"]
        order = np.argsort(-size.to_numpy(np.float64), kind="stable")
        return changed.iloc[order].drop(columns="spread").reset_index(drop=True)


def tolerance_of(name: str, config: AuditConfig) -> float | None:
    """The largest difference of an outcome that does not matter; None for a fifth of its standard deviation."""
    return None if name in NOT_SHARES else config.tolerance


def _rows_by_attributes(tests: NumberTests, touched: frozenset[str]) -> dict[frozenset[str], Codes]:
    """Attributes of a slice among those touched -> positions of such slices; slices of none of them are left out."""
    found: dict[frozenset[str], list[int]] = {}
    for at, spec in enumerate(tests.specs):
        attributes = touched & {condition.column for condition in spec.conditions}
        if attributes:
            found.setdefault(attributes, []).append(at)
    return {attributes: np.array(rows, dtype=np.int64) for attributes, rows in found.items()}


def _untested(tests: NumberTests, rows: Codes) -> NumberTests:
    """The same without a test at some rows, where no picture has anything left."""
    p = tests.found.tests.p.copy()
    p[rows] = np.nan
    return replace(tests, found=replace(tests.found, tests=replace(tests.found.tests, p=p)))


def _varies(values: pd.Series) -> bool:
    return int(values.nunique()) > 1


def _notes(measures: TextMeasures, outcomes: Sequence[str]) -> list[str]:
    """What of the texts takes part in nothing, and which emotions no text speaks of."""
    notes = []
    refused, empty = measures.count(REFUSED), measures.count(NOTHING)
    if refused or empty:
        notes.append(
            f"{plural(refused, 'refusal')} and {plural(empty, 'empty text')} of {plural(len(measures.texts), 'text')} are "
            "counted as such and take part in no other outcome"
        )
    if empty and EMPTY not in outcomes:
        notes.append("every picture has as many empty texts as every other one")
    spoken = set(measures.hits["emotion"])
    silent = [emotion for at, emotion in enumerate(measures.lexicon.emotions) if at not in spoken]
    if silent:
        notes.append(f"no text has a word of {', '.join(silent)}: not compared ({measures.lexicon.name})")
    return notes
