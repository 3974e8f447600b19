"""Which emotion labels exist, how are they spelt, and how do label sets map onto each other?

Where two label sets have no agreed counterpart (awe in Ekman's six, love in Ekman's six) the map says `None` instead of
guessing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.saved import Record
from affect_workbench.data.taxonomies.label_identity import label_set, meaning, plain, same_meaning, trimmed
from affect_workbench.data.taxonomies.words import (
    AFFECTNET,
    AFFECTNET_POLARITY,
    BASIC_SYNONYMS,
    COMMON_ALIASES,
    EKMAN,
    EKMAN_POLARITY,
    FER,
    MIKELS,
    MIKELS_POLARITY,
    PARROTT,
    WEBEMO,
    WEBEMO_PARENT,
    WEBEMO_POLARITY,
    WEBEMO_SYNONYMS,
    WORD_POLARITY,
)

NOTHING_PREDICTED = "none"
"""Name of the one taxonomy without a label: that of an audit in which no emotion is predicted."""
POLARITY_WORDS = {-1: "negative", 0: "neutral", 1: "positive"}


def closest(name: object, legal: Iterable[str]) -> str:
    """A hint for an error message: the legal names nearest to `name`, or all of them when none is near."""
    choices = [str(item) for item in legal]
    near = difflib.get_close_matches(str(name).casefold(), choices, n=3, cutoff=0.55)
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
            raise ValueError(f"taxonomy {self.name!r} has {plural(len(self.labels), 'label')}: expected at least two")
        if any(not label.strip() for label in self.labels):
            raise ValueError(f"taxonomy {self.name!r} has an empty label")
        repeated = sorted({label for label in self.labels if self.labels.count(label) > 1})
        if repeated:
            raise ValueError(f"taxonomy {self.name!r} repeats {', '.join(map(repr, repeated))}")
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

    def resolve(self, name: object) -> str:
        """The label that `name` stands for: itself, by an alias of this taxonomy, or by `data.taxonomies.label_identity`.

        In that order, so that what a taxonomy tells apart (`joy` and `happiness`) stays apart.

        Raises:
            ValueError: names the taxonomy and the nearest legal labels.
        """
        found = self._label_of(name)
        if found is None:
            hint = closest(trimmed(name), self.labels)
            raise ValueError(f"label {str(name)!r} is not in taxonomy {self.name!r}: {hint}")
        return found

    def _label_of(self, name: object) -> str | None:
        word = str(name).strip()
        for candidate in (word, word.casefold()):
            if candidate in self.labels:
                return candidate
            if candidate in self.aliases:
                return self.aliases[candidate]
        return self._by_form.get(plain(name)) or self._by_meaning.get(meaning(name))

    @cached_property
    def _by_form(self) -> dict[str, str]:
        """Plain form -> label, of the labels and, where no label has it, of the aliases."""
        forms: dict[str, str] = {}
        for word, label in (*((label, label) for label in self.labels), *self.aliases.items()):
            forms.setdefault(plain(word), label)
        return forms

    @cached_property
    def _by_meaning(self) -> dict[str, str]:
        """Meaning -> the only label that has it."""
        found = {meaning(label): same_meaning(label, self.labels) for label in self.labels}
        return {word: label for word, label in found.items() if label is not None}

    def knows(self, name: object) -> bool:
        """Whether `resolve` finds a label for `name`."""
        return self._label_of(name) is not None

    def codes(self, names: Iterable[object]) -> npt.NDArray[np.int64]:
        """Label positions `(n,)` of `names`; each distinct spelling is resolved once. Missing values become -1.

        Raises:
            ValueError: the first unknown label, how many there are, and the nearest legal ones.
        """
        import pandas as pd

        codes, distinct = pd.factorize(np.asarray(list(names), dtype=object))
        table = np.full(len(distinct) + 1, -1, dtype=np.int64)
        unknown: list[str] = []
        for position, word in enumerate(distinct):
            label = self._label_of(word)
            if label is None:
                unknown.append(str(word))
            else:
                table[position] = self.labels.index(label)
        if unknown:
            raise ValueError(
                f"{plural(len(unknown), 'label is', 'labels are')} not in taxonomy {self.name!r}, first {unknown[0]!r}: "
                f"{closest(unknown[0], self.labels)}"
            )
        return table[codes]

    def to(self, other: Taxonomy) -> dict[str, str | None]:
        """Where each label goes in `other`: by the written map, else the same label, else None."""
        written = self.maps.get(other.name, {})
        there = {label: written.get(label, label) for label in self.labels}
        return {label: None if word is None else other._label_of(word) for label, word in there.items()}

    def spelt(self, words: Iterable[object]) -> Taxonomy:
        """The same labels in the same order, those that `words` stand for in their spelling (`happy` for `joy`).

        Raises:
            ValueError: a word that is no label of this taxonomy, or two spellings of one label.
        """
        own: dict[str, str] = {}
        for word in map(trimmed, words):
            if own.setdefault(self.resolve(word), word) != word:
                raise ValueError(f"{own[self.resolve(word)]!r} and {word!r} are one label of taxonomy {self.name!r}")
        if all(label == word for label, word in own.items()):
            return self
        new = {label: own.get(label, label) for label in self.labels}
        aliases = {**self.aliases, **dict(zip(self.labels, self.labels, strict=True))}
        return Taxonomy(
            self.name,
            tuple(new.values()),
            {new[label]: sign for label, sign in self.polarity.items()},
            {word: new[label] for word, label in aliases.items() if word not in new.values()},
            {new[label]: others for label, others in self.synonyms.items()},
            {name: {new[label]: there for label, there in map_.items()} for name, map_ in self.maps.items()},
        )

    def as_json(self) -> dict[str, object]:
        """A JSON-ready record of name, labels and polarity (what a saved run needs)."""
        return {"name": self.name, "labels": list(self.labels), "polarity": dict(self.polarity)}

    @classmethod
    def from_json(cls, record: Mapping[str, object]) -> Taxonomy:
        """The taxonomy of a saved run: the built-in one where name and labels agree, else one made of the record."""
        labels = tuple(str(label) for label in record["labels"])  # type: ignore[attr-defined]
        known = TAXONOMIES.get(str(record["name"]))
        if known is not None and tuple(map(known._label_of, labels)) == known.labels:
            return known.spelt(labels)
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
    def from_record(cls, record: Record, key: str) -> Taxonomy:
        """The labels under a key of a saved record, as `as_json` wrote them.

        Raises:
            ValueError: the key is missing or damaged (which file, which key, what was expected).
        """
        inner = record.record(key)
        inner.text("name"), inner.texts("labels")
        if inner.known("polarity"):
            polarity = inner.record("polarity")
            for label in polarity.values:
                polarity.whole(label)
        try:
            return cls.from_json({name: value for name, value in inner.values.items() if value is not None})
        except ValueError as error:
            raise inner.damaged(str(error)) from error

    @classmethod
    def from_labels(cls, labels: Iterable[object]) -> Taxonomy:
        """The built-in taxonomy with exactly these labels (see `label_identity`), else a custom one in the given order.

        Of several spellings of one plain form the commonest is kept. A custom label has the polarity that its word has in
        `data.taxonomies.words.WORD_POLARITY`, or none.
        """
        counts: dict[str, int] = {}
        for label in labels:
            counts[str(label)] = counts.get(str(label), 0) + 1
        words = tuple(label_set(counts).values())
        for known in TAXONOMIES.values():
            if len(words) == len(known) and {known._label_of(word) for word in words} == set(known.labels):
                return known
        signs = {word: WORD_POLARITY.get(meaning(word)) for word in words}
        return cls("custom", words, polarity={word: sign for word, sign in signs.items() if sign is not None})

    @classmethod
    def spelt_as(cls, labels: Iterable[object]) -> Taxonomy:
        """`from_labels` in the spellings that are given."""
        words = label_set(dict.fromkeys(map(str, labels), 1)).values()
        return cls.from_labels(words).spelt(words)


def _aliases(labels: Iterable[str], **extra: str) -> dict[str, str]:
    return {word: label for label in labels for word in COMMON_ALIASES.get(label, ())} | extra


def _synonyms(labels: Iterable[str]) -> dict[str, tuple[str, ...]]:
    return {label: BASIC_SYNONYMS[label] for label in labels if label in BASIC_SYNONYMS}


def _polarity_map(polarity: Mapping[str, int]) -> dict[str, str | None]:
    return {label: POLARITY_WORDS[sign] if sign else None for label, sign in polarity.items()}


def _built_in() -> dict[str, Taxonomy]:
    fer_polarity = {label: AFFECTNET_POLARITY[label] for label in FER}
    parrott_polarity = {label: WEBEMO_POLARITY[label] for label in PARROTT}
    webemo_polarity = {label: WEBEMO_POLARITY[parent] for label, parent in WEBEMO_PARENT.items()}
    happy = dict.fromkeys(("amusement", "contentment", "excitement"), "joy")
    ekman_of_parent = {"joy": "joy", "surprise": "surprise", "sadness": "sadness", "fear": "fear", "anger": "anger"}
    webemo_to_ekman = {label: ekman_of_parent.get(parent) for label, parent in WEBEMO_PARENT.items()}
    # Envy and sympathy sit in Parrott's tree by descent, not because they are Ekman's anger or sadness.
    webemo_to_ekman |= {"disgust": "disgust", "envy": None, "sympathy": None}
    webemo_to_mikels: dict[str, str | None] = dict.fromkeys(WEBEMO)
    webemo_to_mikels |= {
        "cheerfulness": "amusement",
        "contentment": "contentment",
        "zest": "excitement",
        "disgust": "disgust",
        "rage": "anger",
        "irritability": "anger",
        "exasperation": "anger",
        "horror": "fear",
        "nervousness": "fear",
        "sadness": "sadness",
    }
    return {
        taxonomy.name: taxonomy
        for taxonomy in (
            Taxonomy(
                "ekman6",
                EKMAN,
                EKMAN_POLARITY,
                _aliases(EKMAN),
                _synonyms(EKMAN),
                {"parrott6": {"disgust": "anger"}, "polarity": _polarity_map(EKMAN_POLARITY)},
            ),
            Taxonomy(
                "fer7",
                FER,
                fer_polarity,
                _aliases(FER),
                _synonyms(FER),
                {"ekman6": {"neutral": None}, "parrott6": {"disgust": "anger"}, "polarity": _polarity_map(fer_polarity)},
            ),
            Taxonomy(
                "affectnet8",
                AFFECTNET,
                AFFECTNET_POLARITY,
                _aliases(AFFECTNET),
                _synonyms(AFFECTNET),
                {
                    "ekman6": {"neutral": None, "contempt": None},
                    "parrott6": {"disgust": "anger", "contempt": "anger"},
                    "polarity": _polarity_map(AFFECTNET_POLARITY),
                },
            ),
            Taxonomy(
                "mikels8",
                MIKELS,
                MIKELS_POLARITY,
                _aliases(MIKELS),
                _synonyms(MIKELS),
                {
                    "ekman6": happy | {"awe": None},
                    "parrott6": happy | {"awe": None, "disgust": "anger"},
                    "polarity": _polarity_map(MIKELS_POLARITY),
                },
            ),
            Taxonomy(
                "parrott6",
                PARROTT,
                parrott_polarity,
                _aliases(PARROTT),
                _synonyms(PARROTT),
                {"ekman6": {"love": None}, "polarity": _polarity_map(parrott_polarity)},
            ),
            Taxonomy(
                "webemo25",
                WEBEMO,
                webemo_polarity,
                {"cheerfullness": "cheerfulness", "irritabilty": "irritability"},
                WEBEMO_SYNONYMS,
                {
                    "parrott6": {label: parent if parent in PARROTT else None for label, parent in WEBEMO_PARENT.items()},
                    "ekman6": webemo_to_ekman,
                    "mikels8": webemo_to_mikels,
                    "polarity": _polarity_map(webemo_polarity),
                },
            ),
            Taxonomy("polarity", ("negative", "positive"), {"negative": -1, "positive": 1}),
        )
    }


NO_LABELS = Taxonomy(NOTHING_PREDICTED, ())
"""The labels of an audit of numbers alone."""
TAXONOMIES: Mapping[str, Taxonomy] = MappingProxyType(_built_in())
"""By name: ekman6, fer7 (and neutral, as in RAF-DB), affectnet8 (and contempt), mikels8, parrott6, webemo25, polarity."""
