"""How is a difference between texts said in a sentence, and which texts show it?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.texts.audit import TEXTS_TABLE
from affect_workbench.analyses.texts.measures import (
    ANSWER,
    DOUBT,
    EMPTY,
    LENGTH,
    REFUSAL,
    REFUSED,
    TEXT_PREFIX,
    VALENCE,
    WORD_PREFIX,
)
from affect_workbench.analyses.texts.words import words_of
from affect_workbench.workbench.interface.numbers import percent, plural, points, small_q

MOST_CHARACTERS = 280
"""Of a text that is shown; what is cut off is marked."""
_MOST_WORDS = 5
_DO = {REFUSAL: "refuse to answer", DOUBT: "express doubt", EMPTY: "are empty"}
Pieces = list[tuple[str, str]]


def share_phrase(outcome: str) -> str:
    """What texts do that are counted by an outcome; "" for one that is no share of texts."""
    if outcome.startswith(TEXT_PREFIX):
        return f"have a word of {outcome.removeprefix(TEXT_PREFIX)}"
    if outcome.startswith(WORD_PREFIX):
        return f"say “{outcome.removeprefix(WORD_PREFIX)}”"
    return _DO.get(outcome, "")


def share_sentence(row: Any) -> Pieces:
    """A tested row of an outcome that is a share of texts, as (text, style) pieces."""
    return [
        ("Of the texts about pictures with ", "plain"),
        (row.slice, "slice"),
        (f", {percent(row.mean)} ", "plain"),
        (share_phrase(row.outcome), "emotion"),
        (f", of those about other pictures {percent(row.complement_mean)}: ", "plain"),
        (f"{points(row.effect)} points", "effect"),
        (f" [{points(row.low)}, {points(row.high)}]", "plain"),
        (f", {small_q(row.q)}, n = {row.n:,}", "quiet"),
        (".", "plain"),
    ]


def text_summary(result: AuditResult) -> str:
    """How many texts an audit rests on; "" where it is none of texts."""
    texts = result.table(TEXTS_TABLE)
    if texts is None:
        return ""
    kinds = texts["kind"].value_counts()
    parts = [f"{plural(len(texts), 'text')} about {plural(result.run.pictures, 'picture')} are compared"]
    if not_answers := len(texts) - int(kinds.get(ANSWER, 0)):
        parts.append(f"{not_answers:,} of them refuse or are empty")
    return ", ".join(parts)


def shown_texts(result: AuditResult) -> pd.DataFrame | None:
    """The texts of an audit with `image_id` as their index; None where it is none of texts."""
    texts = result.table(TEXTS_TABLE)
    return None if texts is None else texts.set_index("image_id")


def common_words(texts: pd.DataFrame, pictures: Collection[str], outcome: str) -> str:
    """The commonest words behind an emotion in the texts about some pictures, with their counts; "" for another outcome.

    Args:
        texts: of `shown_texts`.
        pictures: their ids.
        outcome: name of the outcome.
    """
    if not outcome.startswith(TEXT_PREFIX):
        return ""
    ending = f" ({outcome.removeprefix(TEXT_PREFIX)})"
    own = texts.loc[texts.index.isin(pictures), "words"]
    counts = Counter(
        word.removesuffix(ending) for words in own if words for word in words.split(", ") if word.endswith(ending)
    )
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{word} {count:,}" for word, count in ordered[:_MOST_WORDS])


def example_text(texts: pd.DataFrame, picture: str, finding: Any) -> str:
    """The text about a picture that shows a finding best, shortened; "" where none does.

    Args:
        texts: of `shown_texts`.
        picture: the id.
        finding: a row of the audit's outcomes.
    """
    if picture not in texts.index:
        return ""
    own = texts.loc[[picture]]
    more, outcome = finding.effect > 0, finding.outcome
    if outcome.startswith(TEXT_PREFIX):
        emotion = outcome.removeprefix(TEXT_PREFIX)
        speaks = own["emotions"].map(lambda words: emotion in words.split(", ")).astype(bool)
        own = own[speaks == more]
    elif outcome.startswith(WORD_PREFIX):
        word = outcome.removeprefix(WORD_PREFIX)
        own = own[own["text"].map(lambda text: word in words_of(text)).astype(bool) == more]
    elif outcome in (VALENCE, LENGTH):
        column = "valence" if outcome == VALENCE else "length"
        own = own[own[column].notna() & (own["kind"] == ANSWER)].sort_values(column, ascending=not more, kind="stable")
    elif outcome in (REFUSAL, DOUBT):
        own = own[((own["kind"] == REFUSED) if outcome == REFUSAL else own["doubt"]) == more]
    shown = [text for text in own["text"] if text]
    if not shown:
        return ""
    text = " ".join(shown[0].split())
    return text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS].rstrip() + " …"
