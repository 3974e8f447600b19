"""Which values of attributes does a text mention?"""

from __future__ import annotations

import re
from dataclasses import dataclass

from affect_workbench.data.instruct.vocabulary import Vocabulary

_NEGATED = re.compile(r"\b(?:no|not|without|never|neither|nor|n['’]t)(?: \w+){0,2} $", re.IGNORECASE)
_COMMONEST = """
a above after again against all also among an and are around as at away back be because been before behind below
beside between both but by can could down during each even every few first for from has have he her here his if in
inside into is it its just large like little made many may more most much near new next no not nothing now of off old
on one only or other our out over own people same she shows small so some something such than that the their them
there they this through to too toward two under up us very was we were what when where which while who with without
would you
"""
COMMON_ENGLISH = frozenset(_COMMONEST.split())
"""Words that stand in almost any English text."""
_GENERAL = COMMON_ENGLISH | {"yes", "true", "false", "none", "other", "unknown"}
"""Values of attributes that are words for anything."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A value of an attribute that a text says is there, and in which words."""

    attribute: str
    value: str
    words: str


class Mentions:
    """Looks for the ways in which a vocabulary says its values, the longest first, and for values by their own word.

    Words that stand for several values mention none; a word that is negated (`no dog`) mentions nothing.
    """

    def __init__(self, vocabulary: Vocabulary | None) -> None:
        meanings: dict[str, set[tuple[str, str]]] = {}
        for name, values in (vocabulary.words if vocabulary else {}).items():
            for value, ways in values.items():
                said = " ".join(ways).lower()
                own = value.lower() if re.search(rf"\b{re.escape(value.lower())}\b", said) else ""
                alone = (own,) if len(own) > 2 and not own.isdigit() and own not in _GENERAL else ()
                for text in (*(way.lower().removeprefix("and ") for way in ways), *alone):
                    meanings.setdefault(text, set()).add((name, value))
        self._meaning = {text: next(iter(meant)) for text, meant in meanings.items() if len(meant) == 1}
        longest = sorted(self._meaning, key=len, reverse=True)
        either = "|".join(map(re.escape, longest))
        self._pattern = re.compile(rf"(?<!\w)(?:{either})(?!\w)") if either else None

    def of(self, text: str) -> list[Mention]:
        """What a text mentions, in its order."""
        if self._pattern is None:
            return []
        text = text.lower()
        found = (match for match in self._pattern.finditer(text) if not _NEGATED.search(text[: match.start()]))
        return [Mention(*self._meaning[match.group()], match.group()) for match in found]
