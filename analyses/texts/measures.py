"""Which numbers do the texts about a picture give: emotion words, other words, valence, length, refusals, doubt?

A picture is the unit. Its number is the share of its texts that do something, or a mean over its texts. Refusals and empty
texts say nothing of emotions: they are counted as what they are and take part in nothing else.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from affect_workbench.analyses.texts.lexicon import Lexicon
from affect_workbench.analyses.texts.words import WORD
from affect_workbench.arrays import Codes, Floats, Mask
from affect_workbench.data.answers.parser import (
    clauses,
    expresses_doubt,
    idioms_in,
    is_negated,
    refusing_clauses,
    without_thoughts,
)

TEXT_PREFIX = "texts with "
"""The outcome of an emotion is `texts with joy`: a name that no column of a table is likely to have."""
WORD_PREFIX = "texts saying "
"""Likewise the outcome of a single word: `texts saying dog`."""
VALENCE, LENGTH = "valence of texts", "words per text"
REFUSAL, DOUBT, EMPTY = "texts that refuse", "texts in doubt", "empty texts"
NOT_SHARES = (VALENCE, LENGTH)
"""Outcomes in units of their own; every other one is a share of texts."""
ANSWER, REFUSED, NOTHING = "answer", "refusal", "empty"
"""What a text can be."""
FEWEST_WORDS = 15
"""With so many words beside its refusal a text answers something: `I can't say who this is, but the picture shows …`."""


@dataclass(frozen=True)
class TextMeasures:
    """What was found in `t` texts about `n` pictures.

    Attributes:
        pictures: ids of the pictures `(n,)`.
        codes: position of each text's picture `(t,)`.
        texts: one row a text: `image_id`, `text`, `kind`, `doubt`, `length` (words).
        hits: one row a word that is in the lexicon and not negated: `at` (position of the text), `word`, `emotion` (position
            in the lexicon, -1 for none), `valence` (NaN for none); of answers only.
        lexicon: what was looked for.
    """

    pictures: pd.Index
    codes: Codes
    texts: pd.DataFrame
    hits: pd.DataFrame
    lexicon: Lexicon

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Names of all outcomes: the emotions first, single words last."""
        emotions = (TEXT_PREFIX + emotion for emotion in self.lexicon.emotions)
        return (*emotions, VALENCE, LENGTH, REFUSAL, DOUBT, EMPTY, *(WORD_PREFIX + word for word in self.lexicon.words))

    @cached_property
    def words(self) -> frozenset[str]:
        """All words that were found and speak of an emotion or have a valence."""
        return frozenset(self.hits.loc[(self.hits["emotion"] >= 0) | self.hits["valence"].notna(), "word"])

    def count(self, kind: str) -> int:
        """How many texts are of one kind."""
        return int((self.texts["kind"] == kind).sum())

    def by_picture(self, *, left_out: Collection[str] = ()) -> pd.DataFrame:
        """One row a picture, one column an outcome; NaN where none of its texts tells.

        Args:
            left_out: words that do not count, except as themselves (`Lexicon.words`).
        """
        flags, valence = self._of_texts(left_out)
        kind = self.texts["kind"].to_numpy()
        answered = kind == ANSWER
        found = {
            TEXT_PREFIX + emotion: self._mean(flags[:, at], answered) for at, emotion in enumerate(self.lexicon.emotions)
        }
        found[VALENCE] = self._mean(np.nan_to_num(valence), answered & np.isfinite(valence))
        found[LENGTH] = self._mean(self.texts["length"].to_numpy(np.float64), answered)
        found[REFUSAL] = self._mean((kind == REFUSED).astype(float), kind != NOTHING)
        found[DOUBT] = self._mean(self.texts["doubt"].to_numpy(np.float64), answered)
        found[EMPTY] = self._mean((kind == NOTHING).astype(float), np.ones(len(kind), dtype=bool))
        for word in self.lexicon.words:
            says = np.zeros(len(kind))
            says[self.hits.loc[self.hits["word"] == word, "at"]] = 1.0
            found[WORD_PREFIX + word] = self._mean(says, answered)
        return pd.DataFrame(found, index=self.pictures)

    def table(self) -> pd.DataFrame:
        """One row a text: the columns of `texts`, `emotions` it has words of and these `words` (commas), its `valence`."""
        flags, valence = self._of_texts(())
        names = np.array(self.lexicon.emotions, dtype=object)
        words: list[list[str]] = [[] for _ in range(len(self.texts))]
        for at, word, emotion in zip(self.hits["at"], self.hits["word"], self.hits["emotion"], strict=True):
            if emotion >= 0:
                words[at].append(f"{word} ({names[emotion]})")
        return self.texts.assign(
            emotions=[", ".join(names[row > 0]) for row in flags], words=[", ".join(one) for one in words], valence=valence
        )

    def _of_texts(self, left_out: Collection[str]) -> tuple[Floats, Floats]:
        """Whether each text has a word of each emotion `(t, k)`, and its mean valence `(t,)`, NaN without such a word."""
        hits = self.hits[~self.hits["word"].isin(list(left_out))] if left_out else self.hits
        count = len(self.texts)
        flags = np.zeros((count, len(self.lexicon.emotions)))
        of_emotion = hits[hits["emotion"] >= 0]
        flags[of_emotion["at"].to_numpy(), of_emotion["emotion"].to_numpy()] = 1.0
        with_valence = hits[hits["valence"].notna()]
        at = with_valence["at"].to_numpy()
        total = np.bincount(at, with_valence["valence"].to_numpy(), minlength=count)
        with np.errstate(invalid="ignore"):
            return flags, total / np.bincount(at, minlength=count)

    def _mean(self, values: Floats, among: Mask) -> Floats:
        """Mean over the texts of each picture that are among those that tell `(n,)`."""
        size = len(self.pictures)
        with np.errstate(invalid="ignore"):
            total = np.bincount(self.codes[among], values[among], minlength=size)
            return np.asarray(total / np.bincount(self.codes[among], minlength=size), dtype=np.float64)


def text_measures(texts: pd.DataFrame, lexicon: Lexicon | None = None) -> TextMeasures:
    """Looks for the words of a lexicon in texts.

    Args:
        texts: one row a text with `image_id` and `text`, "" where nothing was answered.
        lexicon: what to look for; the built-in words when not given.
    """
    lexicon = Lexicon.built_in() if lexicon is None else lexicon
    codes, pictures = pd.factorize(texts["image_id"])
    read = [_read(without_thoughts(text), lexicon) for text in texts["text"]]
    columns = {
        "image_id": texts["image_id"].astype(str).to_numpy(),
        "text": texts["text"].to_numpy(),
        "kind": [one.kind for one in read],
        "doubt": [one.doubt for one in read],
        "length": [one.length for one in read],
    }
    found = [(at, *hit) for at, one in enumerate(read) for hit in one.hits]
    hits = pd.DataFrame(found, columns=["at", "word", "emotion", "valence"])
    hits = hits.astype({"at": np.int64, "word": object, "emotion": np.int64, "valence": np.float64})
    return TextMeasures(pd.Index(pictures, name="image_id"), codes.astype(np.int64), pd.DataFrame(columns), hits, lexicon)


@dataclass(frozen=True)
class _Read:
    """A text as it was read: what kind it is, whether it doubts, its words, and those that are in the lexicon."""

    kind: str
    doubt: bool
    length: int
    hits: list[tuple[str, int, float]]


def _read(text: str, lexicon: Lexicon) -> _Read:
    """A text refuses where a clause does, and neither an emotion nor much else is said outside of such clauses."""
    if not text.strip():
        return _Read(NOTHING, False, 0, [])
    refusing = refusing_clauses(text)
    words = [match for start, end in _between(refusing, len(text)) for match in WORD.finditer(text, start, end)]
    hits = _hits(text, words, lexicon)
    length = len(words) + sum(1 for start, end in refusing for _ in WORD.finditer(text, start, end))
    if refusing and len(words) < FEWEST_WORDS and not any(emotion >= 0 for _, emotion, _ in hits):
        return _Read(REFUSED, False, length, [])
    return _Read(ANSWER, expresses_doubt(text), length, hits)


def _between(left_out: list[tuple[int, int]], end: int) -> list[tuple[int, int]]:
    """The parts of a text of `end` characters that are not left out."""
    edges = [0, *(edge for part in left_out for edge in part), end]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _hits(text: str, words: list[re.Match[str]], lexicon: Lexicon) -> list[tuple[str, int, float]]:
    """(word, position of its emotion or -1, valence or NaN) of every word in the lexicon that is not negated."""
    found = []
    known = [(match, word) for match in words if (word := match.group().casefold()) in lexicon]
    if not known:
        return []
    idioms, starts = idioms_in(text), [start for start, _ in clauses(text)]
    for match, word in known:
        start = starts[bisect_right(starts, match.start()) - 1]
        idiomatic = any(first < match.end() and match.start() < last for first, last in idioms)
        if not idiomatic and not is_negated(text[start : match.start()]):
            emotion = lexicon.emotion.get(word)
            at = -1 if emotion is None else lexicon.emotions.index(emotion)
            found.append((word, at, lexicon.valence.get(word, np.nan)))
    return found
