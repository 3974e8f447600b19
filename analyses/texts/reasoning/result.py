"""What came out of an evaluation of reasoning: every measure beside its value without the picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from affect_workbench.analyses.texts.reasoning.answers import CAUSE_MASKED, MEAN, OTHER_MASKED, SHUFFLED, TRUE
from affect_workbench.analyses.texts.reasoning.estimates import Estimate
from affect_workbench.data.instruct.conditioning import GIVEN, NONE, PREDICTED, WRONG
from affect_workbench.data.tables.columns import column_words

COLUMNS = ("measure", "attribute", "shown", "share", "low", "high", "n")
DIFFERENCE = "difference"
"""What stands under `shown` where two kinds of pictures are compared."""

NAMES_CAUSE, STATES_LABEL = "names a true cause", "states the label of the question"
MENTIONS_ABSENT, ABSENT_MENTIONS = "mentions something absent", "mentions of something absent"
RIGHT_LABEL, VOTE_SHARE = "names the right label", "votes for the named label"
RECALL, RIGHT_VERDICT = "macro recall", "judges rightly"
UNNAMED = "no longer names the cause"
WORDS, REFUSES, DOUBTS, EMPTY = "words", "refuses", "is in doubt", "is empty"
BLEU, ROUGE = "BLEU-4", "ROUGE-L"
NOT_SHARES = (WORDS,)
"""Measures in units of their own."""
_UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"), 0)


@dataclass(frozen=True)
class ReasoningResult:
    """Measures of a model's answers.

    Attributes:
        table: one row a measure, attribute and kind of picture: `measure` (`given: names a true cause`), `attribute` (empty
            for none), `shown`, `share`, `low` and `high` (95 %), `n` answers. In `words` the share is a number of words.
        pictures: one row a picture: `image_id`, and shares of its answers to the true picture (NaN for none), to be compared
            between slices.
        notes: what was left out or can not be told.
    """

    table: pd.DataFrame
    pictures: pd.DataFrame
    notes: tuple[str, ...] = ()

    def of(self, measure: str, *, shown: str = TRUE, attribute: str = "") -> Estimate:
        """One number; NaN with n = 0 where it was not measured."""
        return self._found.get((measure, shown, attribute), _UNKNOWN)

    @cached_property
    def _found(self) -> dict[tuple[str, str, str], Estimate]:
        columns = (self.table[name].tolist() for name in COLUMNS)
        return {
            (measure, shown, attribute): Estimate(share, low, high, n)
            for measure, attribute, shown, share, low, high, n in zip(*columns, strict=True)
        }

    @property
    def headline(self) -> str:
        """The one sentence that matters most: does its reasoning rest on the picture?"""
        measure = f"{GIVEN}: {NAMES_CAUSE}"
        own, shuffled = self.of(measure), self.of(measure, shown=SHUFFLED)
        if not own.n or not shuffled.n:
            return "Too little was answered to say whether its reasoning rests on the pictures."
        told = f"Told the emotion, the model names a true cause in {own} of its answers, and in {shuffled} when it is shown"
        if own.low > shuffled.high:
            return f"{told} somebody else's picture: its reasoning rests on what it sees."
        return f"{told} somebody else's picture: nothing shows that its reasoning rests on what it sees."

    def sentences(self) -> Iterator[str]:
        """Each finding in words, beside shuffled pictures and the mean picture."""
        yield self.headline
        for measure, words in _TOLD.items():
            if self.of(measure).n:
                yield f"{words}: {self._beside(measure)}"
        for attribute in dict.fromkeys(self.table.loc[self.table["measure"] == _RECALL, "attribute"]):
            if self.of(_RECALL, attribute=attribute).n:
                yield f"macro recall of {column_words(attribute)}: {self._beside(_RECALL, attribute)}"
        masked = self.of(_UNNAMED, shown=CAUSE_MASKED)
        if masked.n:
            other, gap = self.of(_UNNAMED, shown=OTHER_MASKED), self.of(_UNNAMED, shown=DIFFERENCE)
            yield (
                f"of {masked.n:,} answers that name a cause, {masked} no longer do with its region masked, {other} with "
                f"another of equal size: difference {gap}"
            )

    def _beside(self, measure: str, attribute: str = "") -> str:
        own, shuffled, mean = (self.of(measure, shown=shown, attribute=attribute) for shown in (TRUE, SHUFFLED, MEAN))
        return f"{own} (shuffled pictures {shuffled}, mean picture {mean})"


_RECALL, _UNNAMED = f"question: {RECALL}", f"evidence: {UNNAMED}"
_TOLD = {
    f"caption: {ABSENT_MENTIONS}": "of what captions mention, is not there",
    f"{GIVEN}: {MENTIONS_ABSENT}": "told the emotion, mentions something absent",
    f"{PREDICTED}: {NAMES_CAUSE}": "told the probe's label, names a true cause",
    f"{NONE}: {RIGHT_LABEL}": "told nothing, names the right label",
    f"{NONE}: {VOTE_SHARE}": "votes for the label that it names, told nothing",
    f"statement: {RIGHT_VERDICT}": "statements judged rightly",
    f"{WRONG}: {STATES_LABEL}": "told a wrong label, states it (obedience, not understanding)",
    f"{WRONG}: {MENTIONS_ABSENT}": "told a wrong label, invents what is not there",
}
"""Measures that are told in words, with how they are."""
