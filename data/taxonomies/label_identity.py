"""When do two spellings name one label, and which of them is shown?

Two spellings are one label when their plain forms agree, or when these are known to mean the same (`happy`, `happiness` and
`joy`; see `data.taxonomies.words.COMMON_ALIASES`). Meaning never merges what somebody tells apart: where one column of
labels holds `joy` and `happiness`, they stay two labels (see `label_set`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from numbers import Real

from affect_workbench.data.taxonomies.words import COMMON_ALIASES, EMOTION_WORDS

Counts = Mapping[str, int]
"""Spelling -> how often it occurs, of one column of labels."""

_MEANING = {word: label for label, words in COMMON_ALIASES.items() for word in words}
_AROUND = frozenset(".,;:!?…·\"'“”„‘’‚«»‹›`´*_")
"""What stands around a label in prose, in quotes, or in the Markdown of a language model."""
_WHOLE = re.compile(r"[+-]?\d+(?=\.0+$)")
_BETWEEN = re.compile(r"(?<=\w)[\s_\-]+(?=\w)")


def text_of(value: object) -> str:
    """A cell as text; a whole number as digits alone, since a column with gaps makes floats of integers (3.0 is 3)."""
    if isinstance(value, Real) and not isinstance(value, bool):
        number = float(value)
        return str(int(number)) if number.is_integer() else str(value)
    return str(value)


def trimmed(name: object) -> str:
    """The spelling that is shown: composed (NFC), without outer blanks, quotes and sentence punctuation, case as it is."""
    text = unicodedata.normalize("NFC", text_of(name))
    first, last = 0, len(text)
    while first < last and _is_around(text[first]):
        first += 1
    while last > first and _is_around(text[last - 1]):
        last -= 1
    bare = text[first:last] or text.strip()
    whole = _WHOLE.match(bare)
    return whole.group() if whole else bare


def plain(name: object) -> str:
    """What spellings are compared by: `trimmed`, without case, with one blank for any run of blanks, `_` and `-`."""
    return _BETWEEN.sub(" ", unicodedata.normalize("NFC", trimmed(name).casefold()))


def meaning(name: object) -> str:
    """The word that stands for all words of one meaning; the plain form of any other word."""
    form = plain(name)
    return _MEANING.get(form, form)


def label_set(*columns: Counts) -> dict[str, str]:
    """Plain form -> shown spelling of the labels of several columns about the same pictures, those of the first first.

    The first column that holds any (the truth) says which labels there are. A spelling of a later one is the label with the
    same plain form, else the only one that means the same, else a label of its own. Within one column every plain form is
    a label of its own. Shown is the commonest spelling in the column that a label comes from.
    """
    shown: dict[str, str] = {}
    for column in columns:
        forms: dict[str, dict[str, int]] = {}
        for spelling, count in column.items():
            spellings = forms.setdefault(plain(spelling), {})
            spellings[trimmed(spelling)] = spellings.get(trimmed(spelling), 0) + count
        earlier = tuple(shown)
        for form, spellings in forms.items():
            if form not in shown and same_meaning(form, earlier) is None:
                shown[form] = min(spellings, key=lambda spelling: (-spellings[spelling], spelling))
    return shown


def same_meaning(name: object, among: Iterable[str]) -> str | None:
    """The only one of `among` that means the same as `name`; None where there is none, or more than one."""
    word = meaning(name)
    found = [other for other in among if meaning(other) == word]
    return found[0] if len(found) == 1 else None


def is_emotion_word(name: object) -> bool:
    """Whether some label set that is known here has the word as a label, or as another word for one."""
    return not EMOTION_WORDS.isdisjoint((plain(name), meaning(name)))


def _is_around(character: str) -> bool:
    return character.isspace() or character in _AROUND or unicodedata.category(character) == "Cf"
