"""Which words are looked for in texts: words of which emotion, and how pleasant is each?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from affect_workbench.analyses.texts.words import words_of
from affect_workbench.data.taxonomies.label_identity import meaning
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.data.taxonomies.text_words import EMOTION_OF_WORD, POLARITY_OF_WORD, TEXT_EMOTIONS
from affect_workbench.data.taxonomies.words import COMMON_ALIASES


@dataclass(frozen=True)
class Lexicon:
    """Words that are looked for, in lower case.

    Attributes:
        emotions: in their order.
        emotion: word -> emotion.
        valence: word -> how pleasant it is, in units of its own.
        name: where the words come from.
        words: that are compared one by one as well, whatever they mean.
    """

    emotions: tuple[str, ...]
    emotion: Mapping[str, str]
    valence: Mapping[str, float]
    name: str = "built-in words"
    words: tuple[str, ...] = ()

    def __contains__(self, word: str) -> bool:
        return word in self.emotion or word in self.valence or word in self.words

    @classmethod
    def built_in(cls) -> Lexicon:
        """The words of `data.taxonomies.text_words`: twelve emotions, polarity -1, 0 or +1."""
        return cls(TEXT_EMOTIONS, EMOTION_OF_WORD, {word: float(sign) for word, sign in POLARITY_OF_WORD.items()})

    @classmethod
    def of_taxonomy(cls, taxonomy: Taxonomy) -> Lexicon:
        """The labels of a taxonomy with their aliases, synonyms and, where an emotion is built in, its other words.

        Valence is the polarity of the taxonomy, of other words the built-in one.
        """
        found: dict[str, str] = {}
        for label in taxonomy.labels:
            found.setdefault(label.casefold(), label)
        for word, label in taxonomy.aliases.items():
            found.setdefault(word.casefold(), label)
        for label in taxonomy.labels:
            for word in (*taxonomy.synonyms.get(label, ()), *COMMON_ALIASES.get(meaning(label), ())):
                found.setdefault(word.casefold(), label)
        for word, emotion in EMOTION_OF_WORD.items():
            if taxonomy.knows(emotion):
                found.setdefault(word, taxonomy.resolve(emotion))
        single = {word: label for word, label in found.items() if word.isalpha()}
        own = {word: float(taxonomy.polarity[label]) for word, label in single.items() if label in taxonomy.polarity}
        return cls(taxonomy.labels, single, {**cls.built_in().valence, **own}, taxonomy.name)

    def with_valence(self, valence: Mapping[str, float], *, name: str) -> Lexicon:
        """The same emotions; valence is that of a user's words alone.

        Args:
            valence: word -> number.
            name: of the user's lexicon.

        Raises:
            ValueError: a number that is not finite, or no single word.
        """
        bad = [word for word, number in valence.items() if not np.isfinite(number)]
        if bad:
            raise ValueError(f"{name}: the valence of {bad[0]!r} is not a number")
        single = {word.casefold(): float(number) for word, number in valence.items() if word.isalpha()}
        if not single:
            raise ValueError(f"{name} holds no single word: expected words and their valence")
        return replace(self, valence=single, name=f"{self.name}, valence of {name}")

    def with_words(self, words: Iterable[str]) -> Lexicon:
        """The same; these words are compared one by one as well.

        Raises:
            ValueError: something is no single word.
        """
        single = tuple(dict.fromkeys(word.casefold() for word in words))
        if bad := [word for word in single if words_of(word) != [word]]:
            raise ValueError(f"{bad[0]!r} is no word of letters alone: expected single words")
        return replace(self, words=single)
