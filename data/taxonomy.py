"""Which emotion labels exist, how are they spelt, and how do label sets map onto each other?

Where two label sets have no agreed counterpart (awe in Ekman's six, love in Ekman's six) the map says `None` instead of
guessing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from data.emotion_words import (
    BASIC_SYNONYMS,
    COMMON_ALIASES,
    EKMAN,
    MIKELS,
    PARROTT,
    WEBEMO,
    WEBEMO_PARENT,
    WEBEMO_POLARITY,
    WEBEMO_SYNONYMS,
)

NOTHING_PREDICTED = "none"
"""Name of the one taxonomy without a label: that of an audit in which no emotion is predicted."""
POLARITY_WORDS = {-1: "negative", 0: "neutral", 1: "positive"}


def closest(name: str, legal: Iterable[str]) -> str:
    """A hint for an error message: the legal names nearest to `name`, or all of them when none is near."""
    choices = [str(item) for item in legal]
    near = difflib.get_close_matches(name.casefold(), choices, n=3, cutoff=0.55)
    return ("did you mean " + " or ".join(near) + "?") if near else "legal: " + ", ".join(choices[:30])


@dataclass(frozen=True)
class Taxonomy:
    """A fixed, ordered set of emotion labels.

    Attributes:
        name: short name, e.g. `ekman6`.
        labels: the labels in order; label `j` is column `j` wherever arrays have `k` columns.
        polarity: label -> -1, 0 or +1; a label that is absent has no known polarity.
        aliases: other spellings found on disk -> label.
        synonyms: label -> other words for it, never shared between two labels.
        maps: name of another taxonomy -> (label here -> label there, or None where there is no counterpart).

    Raises:
        ValueError: on duplicate or empty labels, on fewer than two (but see `NO_LABELS`), on an alias or synonym that
            names two labels.
    """

    name: str
    labels: tuple[str, ...]
    polarity: Mapping[str, int] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    maps: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.labels) < 2 and (self.labels or self.name != NOTHING_PREDICTED):
            raise ValueError(f"taxonomy {self.name!r} has {len(self.labels)} label(s); at least two are needed")
        if any(not label.strip() for label in self.labels):
            raise ValueError(f"taxonomy {self.name!r} has an empty label")
        repeated = sorted({label for label in self.labels if self.labels.count(label) > 1})
        if repeated:
            raise ValueError(f"taxonomy {self.name!r} repeats the label(s) {', '.join(repeated)}")
        owner: dict[str, str] = {label: label for label in self.labels}
        spelt = [*self.aliases.items(), *((word, label) for label, words in self.synonyms.items() for word in words)]
        for word, label in spelt:
            if label not in self.labels:
                raise ValueError(f"taxonomy {self.name!r} has no label {label!r} for {word!r} to stand for")
            if owner.setdefault(word, label) != label:
                raise ValueError(f"taxonomy {self.name!r}: {word!r} cannot stand for both {owner.get(word)!r} and {label!r}")
        for attribute in ("polarity", "aliases", "synonyms", "maps"):
            object.__setattr__(self, attribute, MappingProxyType(dict(getattr(self, attribute))))

    def __len__(self) -> int:
        return len(self.labels)

    def resolve(self, name: str) -> str:
        """The label that `name` stands for: itself, or by an alias; case and outer blanks do not matter.

        Raises:
            ValueError: names the taxonomy and the nearest legal labels.
        """
        word = str(name).strip()
        for candidate in (word, word.casefold()):
            if candidate in self.labels:
                return candidate
            if candidate in self.aliases:
                return self.aliases[candidate]
        folded = {label.casefold(): label for label in self.labels}
        if word.casefold() in folded:
            return folded[word.casefold()]
        raise ValueError(f"label {name!r} is not in taxonomy {self.name!r}: {closest(word, self.labels)}")

    def knows(self, name: str) -> bool:
        """Whether `resolve` finds a label for `name`."""
        try:
            self.resolve(name)
        except ValueError:
            return False
        return True

    def codes(self, names: Iterable[str]) -> npt.NDArray[np.int64]:
        """Label positions `(n,)` of `names`; each distinct spelling is resolved once. Missing values become -1.

        Raises:
            ValueError: the first unknown label, how many there are, and the nearest legal ones.
        """
        import pandas as pd

        codes, distinct = pd.factorize(np.asarray(list(names), dtype=object))
        table = np.full(len(distinct) + 1, -1, dtype=np.int64)
        unknown: list[str] = []
        for position, word in enumerate(distinct):
            try:
                table[position] = self.labels.index(self.resolve(str(word)))
            except ValueError:
                unknown.append(str(word))
        if unknown:
            raise ValueError(
                f"{len(unknown)} label(s) are not in taxonomy {self.name!r}, first {unknown[0]!r}: "
                f"{closest(unknown[0], self.labels)}"
            )
        return table[codes]

    def to(self, other: Taxonomy) -> dict[str, str | None]:
        """Where each label goes in `other`: the same word, the written map, or None where there is no counterpart."""
        written = self.maps.get(other.name, {})
        return {label: written.get(label, label if label in other.labels else None) for label in self.labels}

    def as_json(self) -> dict[str, object]:
        """A JSON-ready record of name, labels and polarity (what a saved run needs)."""
        return {"name": self.name, "labels": list(self.labels), "polarity": dict(self.polarity)}

    @classmethod
    def from_json(cls, record: Mapping[str, object]) -> Taxonomy:
        """The taxonomy of a saved run: the built-in one where name and labels agree, else one made of the record."""
        labels = tuple(str(label) for label in record["labels"])  # type: ignore[attr-defined]
        known = TAXONOMIES.get(str(record["name"]))
        if known is not None and known.labels == labels:
            return known
        return cls(str(record["name"]), labels, polarity=dict(record.get("polarity", {})))  # type: ignore[call-overload]

    @classmethod
    def named(cls, name: str) -> Taxonomy:
        """A built-in taxonomy by name.

        Raises:
            ValueError: names the built-in ones.
        """
        if name not in TAXONOMIES:
            raise ValueError(f"unknown taxonomy {name!r}: {closest(name, TAXONOMIES)}")
        return TAXONOMIES[name]

    @classmethod
    def from_labels(cls, labels: Iterable[str]) -> Taxonomy:
        """The built-in taxonomy with exactly these labels (aliases count), else a custom one in the given order.

        Spellings that differ only in case or outer blanks are one label; the first is kept.

        A custom label takes the polarity that any built-in taxonomy gives the same word; others have none.
        """
        spelt: dict[str, str] = {}
        for label in labels:
            spelt.setdefault(str(label).strip().casefold(), str(label).strip())
        words = tuple(spelt.values())
        for known in TAXONOMIES.values():
            if len(words) != len(known):
                continue
            try:
                resolved = tuple(known.resolve(word) for word in words)
            except ValueError:
                continue
            if len(set(resolved)) == len(known):
                return known
        polarity = {word: known.polarity[word] for known in TAXONOMIES.values() for word in words if word in known.polarity}
        return cls("custom", words, polarity=polarity)


def _aliases(labels: Iterable[str], **extra: str) -> dict[str, str]:
    return {word: label for label in labels for word in COMMON_ALIASES.get(label, ())} | extra


def _synonyms(labels: Iterable[str]) -> dict[str, tuple[str, ...]]:
    return {label: BASIC_SYNONYMS[label] for label in labels}


def _polarity_map(polarity: Mapping[str, int]) -> dict[str, str | None]:
    return {label: POLARITY_WORDS[sign] if sign else None for label, sign in polarity.items()}


def _built_in() -> dict[str, Taxonomy]:
    negative = dict.fromkeys(("anger", "disgust", "fear", "sadness"), -1)
    ekman_polarity = negative | {"joy": 1, "surprise": 0}
    mikels_polarity = negative | dict.fromkeys(("amusement", "awe", "contentment", "excitement"), 1)
    parrott_polarity = {label: WEBEMO_POLARITY[label] for label in PARROTT}
    webemo_polarity = {label: WEBEMO_POLARITY[parent] for label, parent in WEBEMO_PARENT.items()}
    happy = dict.fromkeys(("amusement", "contentment", "excitement"), "joy")
    ekman_of_parent = {"joy": "joy", "surprise": "surprise", "sadness": "sadness", "fear": "fear", "anger": "anger"}
    webemo_to_ekman = {label: ekman_of_parent.get(parent) for label, parent in WEBEMO_PARENT.items()}
    # Envy and sympathy sit in Parrott's tree by descent, not because they are Ekman's anger or sadness.
    webemo_to_ekman |= {"disgust": "disgust", "envy": None, "sympathy": None}
    webemo_to_mikels: dict[str, str | None] = dict.fromkeys(WEBEMO)
    webemo_to_mikels |= {
        "cheerfulness": "amusement", "contentment": "contentment", "zest": "excitement", "disgust": "disgust",
        "rage": "anger", "irritability": "anger", "exasperation": "anger", "horror": "fear", "nervousness": "fear",
        "sadness": "sadness",
    }  # fmt: skip
    return {
        taxonomy.name: taxonomy
        for taxonomy in (
            Taxonomy(
                "ekman6", EKMAN, ekman_polarity, _aliases(EKMAN), _synonyms(EKMAN),
                {"parrott6": {"disgust": "anger"}, "polarity": _polarity_map(ekman_polarity)},
            ),
            Taxonomy(
                "mikels8", MIKELS, mikels_polarity, _aliases(MIKELS), _synonyms(MIKELS),
                {"ekman6": happy | {"awe": None}, "parrott6": happy | {"awe": None, "disgust": "anger"},
                 "polarity": _polarity_map(mikels_polarity)},
            ),
            Taxonomy(
                "parrott6", PARROTT, parrott_polarity, _aliases(PARROTT), _synonyms(PARROTT),
                {"ekman6": {"love": None}, "polarity": _polarity_map(parrott_polarity)},
            ),
            Taxonomy(
                "webemo25", WEBEMO, webemo_polarity,
                {"cheerfullness": "cheerfulness", "irritabilty": "irritability"}, WEBEMO_SYNONYMS,
                {"parrott6": {label: parent if parent in PARROTT else None for label, parent in WEBEMO_PARENT.items()},
                 "ekman6": webemo_to_ekman, "mikels8": webemo_to_mikels, "polarity": _polarity_map(webemo_polarity)},
            ),
            Taxonomy("polarity", ("negative", "positive"), {"negative": -1, "positive": 1}),
        )
    }  # fmt: skip


NO_LABELS = Taxonomy(NOTHING_PREDICTED, ())
"""The labels of an audit of numbers alone."""
TAXONOMIES: Mapping[str, Taxonomy] = MappingProxyType(_built_in())
"""The built-in taxonomies by name: ekman6, mikels8, parrott6, webemo25, polarity."""
