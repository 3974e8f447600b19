"""Which words does a text consist of, which are frequent, and which name an attribute or one of its values?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

import pandas as pd

from affect_workbench.data.instruct.mentions import COMMON_ENGLISH

WORD = re.compile(r"[^\W\d_]+")
"""A word: letters alone, so that `woman's` is `woman` and `s`."""
_IRREGULAR = ({"man", "men"}, {"woman", "women"}, {"child", "children"}, {"person", "people", "persons"})
_UNNAMING = (
    "a an and are as at by for from has have in is it no none not of on or other others than that the this to unknown was "
    "were with yes true false id type kind value attribute"
)
"""Words that stand in names and values and name nothing."""
_VOWELS = "aeiou"
MOST_VALUES = 1_000
"""A column with more different texts holds no values that a text could name."""
LEAST_SHARE = 0.02
"""Share of pictures in whose texts a word must occur to be frequent."""


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, in their order."""
    return [found.group() for found in WORD.finditer(text.casefold())]


def frequent_words(texts: pd.DataFrame, *, most: int, leaving_out: Collection[str] = ()) -> tuple[str, ...]:
    """The words that occur in the texts of most pictures, neither function words nor those left out.

    Args:
        texts: `image_id` and `text`, a row a text.
        most: how many words at most.
        leaving_out: further words, e.g. all that name an attribute.
    """
    said: dict[str, set[str]] = {}
    for image_id, text in zip(texts["image_id"], texts["text"], strict=True):
        said.setdefault(image_id, set()).update(words_of(text))
    without = {*leaving_out, *COMMON_ENGLISH}
    counts = Counter(word for some in said.values() for word in some - without if len(word) > 2)
    least = max(2, LEAST_SHARE * len(said))
    return tuple(word for word in sorted(counts, key=lambda word: (-counts[word], word))[:most] if counts[word] >= least)


def inflections(word: str) -> frozenset[str]:
    """A word with its simple inflections: plural, comparison, adverb and noun of an adjective, forms of a verb.

    By rules of spelling alone: some of what is returned is no word, which does no harm.
    """
    irregular = next((forms for forms in _IRREGULAR if word in forms), set())
    if len(word) < 3:
        return frozenset({word, *irregular})
    ends_in_y = word[-1] == "y" and word[-2] not in _VOWELS
    stem = word[:-1] + "i" if ends_in_y else word
    plural = stem + ("es" if ends_in_y or word.endswith(("s", "x", "z", "ch", "sh")) else "s")
    base = word[:-1] if word[-1] == "e" else stem
    if _doubles(word):
        base = word + word[-1]
    found = {word, plural, base + "er", base + "est", base + "ed", stem + "ly", stem + "ness", *irregular}
    found |= {f"{word if ends_in_y else base}ing"}
    return frozenset(found)


def attribute_words(column: str, values: Iterable[object] = ()) -> frozenset[str]:
    """The words in an attribute's name and in its values, with `inflections`.

    Args:
        column: its name, e.g. `skin_tone`.
        values: what it can be; numbers and truth values name nothing.
    """
    spelt = [column, *(value for value in values if isinstance(value, str))]
    words = {word for text in spelt for word in words_of(text.replace("_", " "))} - set(_UNNAMING.split())
    return frozenset().union(*(inflections(word) for word in words if len(word) > 1))


def words_by_attribute(rows: pd.DataFrame, columns: Collection[str]) -> dict[str, frozenset[str]]:
    """Column -> `attribute_words` of it and of its values in the rows."""
    found = {}
    for name in columns:
        values = rows[name].dropna()
        texts = [value for value in values.astype(object) if isinstance(value, str)]
        named = dict.fromkeys(texts)
        found[name] = attribute_words(name, named if len(named) <= MOST_VALUES else ())
    return found


def all_words(words: Mapping[str, frozenset[str]], columns: Iterable[str]) -> frozenset[str]:
    """The words of several attributes together."""
    return frozenset().union(*(words[name] for name in columns))


def _doubles(word: str) -> bool:
    """Whether the last letter is written twice before a vowel (sad, sadder): consonant, vowel, consonant, of few letters."""
    return (
        len(word) <= 4
        and sum(letter in _VOWELS for letter in word) == 1
        and word[-1] not in f"{_VOWELS}wxy"
        and word[-2] in _VOWELS
    )
