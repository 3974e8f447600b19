"""Do a column of labels and a column of predictions speak of the same labels, and which never meet the other side?"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.arrays import Vectors
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.read import named
from affect_workbench.data.taxonomies.label_identity import (
    Counts,
    is_emotion_word,
    label_set,
    meaning,
    plain,
    same_meaning,
    text_of,
)
from affect_workbench.data.taxonomies.taxonomy import Taxonomy, closest
from affect_workbench.data.taxonomies.words import BASIC_SYNONYMS, WEBEMO_SYNONYMS

MANY = 20
"""So many different values that are no emotion words are no labels where they are sentences, or half as many as pictures."""
FEWEST = 2
"""From so many pictures with a label and a prediction on, some label must be in both."""
_WORDS = 4
"""Values of so many words (in the middle) are sentences."""
_MOST_NAMED = 6
_ALIKE = 0.6


class LabelsApartError(ValueError):
    """Labels and predictions that cannot be held against each other: what was found, and what to do about it.

    Attributes:
        never_meet: whether both are there and share no label.
    """

    def __init__(self, fact: str, advice: str, *, never_meet: bool = False) -> None:
        super().__init__(f"{fact}: {advice}")
        self.never_meet = never_meet


def spellings(column: pd.Series, *, as_numbers: bool = False) -> dict[str, int]:
    """Spelling -> count of a column's values, missing ones left out.

    Args:
        column: of labels.
        as_numbers: write 3.0 as 3, where every column at hand holds numbers: then a point only says that one has gaps.

    Raises:
        ValueError: its cells are lists or records, as Parquet and JSON can hold them.
    """
    present = column.dropna()
    nested = [value for value in present if isinstance(value, list | tuple | dict | set | np.ndarray)]
    if nested:
        raise _no_labels(str(column.name), "lists or records", len(set(map(str, nested))), len(present), str(nested[0]))
    counts = present.value_counts(sort=False)
    write = text_of if as_numbers else str
    found: dict[str, int] = {}
    for value, count in counts[counts > 0].items():
        found[write(value)] = found.get(write(value), 0) + int(count)
    return found


def never_meet(truth: Counts, predicted: Counts) -> bool:
    """Whether there are labels on both sides and none that both have."""
    forms = {plain(name) for name in truth} | {meaning(name) for name in truth}
    return bool(truth and predicted) and not any(plain(name) in forms or meaning(name) in forms for name in predicted)


def require_labels(column: str, counts: Counts, *, apart: bool = False) -> None:
    """Refuses a column that holds lists, or sentences, or a different value for about every picture.

    Args:
        column: its name.
        counts: its spellings.
        apart: whether it never meets the other side, for the record.

    Raises:
        LabelsApartError: how many values for how many pictures, and the first.
    """
    lists = [value for value in counts if value.strip().startswith(("[", "{", "(")) and value.strip()[-1:] in "]})"]
    pictures = sum(counts.values())
    if lists and 2 * len(lists) >= len(counts):
        raise _no_labels(column, "lists or records", len(counts), pictures, lists[0], apart=apart)
    strange = [value for value in counts if not is_emotion_word(value)]
    many = len({plain(value) for value in strange}) >= MANY
    # Labels may have long names; answers in sentences are rarely the same words again.
    seldom = 10 * len(strange) > pictures and _what(strange) == "sentences"
    if many and (2 * len(strange) > pictures or seldom):
        raise _no_labels(column, _what(strange), len(counts), pictures, strange[0], apart=apart)


def require_common(truth: Counts, predicted: Counts, *, pictures: int, names: tuple[str, str]) -> None:
    """Refuses labels and predictions that have no label in common.

    Args:
        truth: spellings of the true labels.
        predicted: of the predicted ones, or of the labels that have scores.
        pictures: that have both.
        names: of the two columns.

    Raises:
        LabelsApartError: the first labels of both, and how to say that they are labels of one set.
    """
    if pictures < FEWEST or not never_meet(truth, predicted):
        return
    what = _what(list(predicted))
    held = "" if what == "values" else f", which holds {what}, not labels"
    raise LabelsApartError(
        f"no label in common: {names[0]!r} holds {named(truth)}, {names[1]!r} {named(predicted)}{held}",
        "spell the same labels in the same way; where both are parts of one set of labels, name it with --taxonomy",
        never_meet=True,
    )


def spelling_notes(columns: Mapping[str, Counts], taxonomy: Taxonomy) -> list[str]:
    """A sentence about the spellings that were taken for labels spelt otherwise; none where there are none.

    Args:
        columns: name of a column -> its spellings.
        taxonomy: the labels.
    """
    taken: dict[str, None] = {}
    for counts in columns.values():
        for spelling in counts:
            if taxonomy.knows(spelling) and taxonomy.resolve(spelling) != spelling:
                label = taxonomy.resolve(spelling)
                alike = unicodedata.normalize("NFC", spelling) == unicodedata.normalize("NFC", label)
                taken[f"{spelling!r} as {label!r}{' (their accents are encoded in two ways)' if alike else ''}"] = None
    if not taken:
        return []
    return [f"labels that are spelt in several ways count as one: {_listed(taken)}"]


def kept_apart_notes(columns: Mapping[str, Counts], taxonomy: Taxonomy) -> list[str]:
    """A sentence about labels of one column that mean the same elsewhere and are two labels here."""
    apart: list[str] = []
    columns_apart: list[str] = []
    for name, counts in columns.items():
        forms = list(label_set(counts).values())
        for word in dict.fromkeys(map(meaning, forms)):
            same = [form for form in forms if meaning(form) == word]
            if len({taxonomy.resolve(form) for form in same if taxonomy.knows(form)}) > 1:
                listed = " and ".join(map(repr, same))
                if name in ("scores", "votes"):
                    columns_apart.append(f"{listed} (columns of {name})")
                else:
                    apart.append(f"{listed} in {name!r}")
    notes = [f"two words for one feeling in one column stay two labels: {_listed(apart)}"] if apart else []
    if columns_apart:
        notes.append(f"two columns for one feeling stay two labels: {_listed(columns_apart)}")
    return notes


def unmet_notes(predicted: npt.NDArray[np.int64], truth: Vectors | None, taxonomy: Taxonomy) -> list[str]:
    """Sentences that name the labels that are predicted and never true, and those that are true and never predicted.

    Where one label alone is true, every other is never true, and nothing is said of that.

    Args:
        predicted: position of the predicted label `(n,)`.
        truth: share of votes for each label `(n, k)`, NaN where unknown; None for no truth at all.
        taxonomy: the `k` labels.
    """
    if truth is None:
        return []
    said = np.bincount(predicted, minlength=len(taxonomy))
    true = np.nansum(truth, axis=0)
    sides = [(said, true, "predicted and never true")] if (true > 0).sum() > 1 else []
    notes = []
    for own, other, what in (*sides, (true, said, "true and never predicted")):
        met = [label for label, count in zip(taxonomy.labels, other, strict=True) if count > 0]
        unmet = [
            f"{label!r} ({count:,.4g} {'picture' if count == 1 else 'pictures'}{_near(label, met)})"
            for label, count, others in zip(taxonomy.labels, own, other, strict=True)
            if count > 0 and others <= 0
        ]
        if unmet:
            notes.append(f"{plural(len(unmet), 'label is', 'labels are')} {what}: {_listed(unmet)}")
    return notes


def respelt(taxonomy: Taxonomy, truth: Counts) -> Taxonomy:
    """The taxonomy with its labels as the truth spells them; a label that the truth has not, or has twice, stays."""
    own, forms = label_set(truth), set(map(plain, taxonomy.labels))
    spelt: dict[str, str] = {}
    for label in taxonomy.labels:
        form = same_meaning(label, own)
        if plain(label) in own:
            spelt[label] = own[plain(label)]
        elif form is not None and form not in forms and same_meaning(form, taxonomy.labels) == label:
            spelt[label] = own[form]
    return taxonomy.spelt(spelt.values())


def by_label(numbers: Mapping[str, float], taxonomy: Taxonomy, *, what: str) -> dict[str, float]:
    """Label -> number, from numbers given for labels in any spelling; of several for one the one spelt as it is counts.

    Args:
        numbers: word -> number.
        taxonomy: the labels.
        what: the numbers are called, for messages.

    Raises:
        ValueError: a word that is no label, or a label with two numbers.
    """
    found: dict[str, float] = {}
    for word, number in numbers.items():
        if not taxonomy.knows(word):
            near = closest(word, taxonomy.labels)
            raise ValueError(f"a {what} is given for {word!r}, which is no label of the data: {near}")
        label = taxonomy.resolve(word)
        if found.setdefault(label, number) != number:
            raise ValueError(f"{label!r} is given two {what}s, {found[label]:g} and {number:g}: keep one")
    return found


def nearest(label: str, candidates: Iterable[str]) -> str | None:
    """The other label that is a synonym, or is spelt most alike; None where none is near."""
    choices = {plain(other): other for other in candidates if other != label}
    for words in (BASIC_SYNONYMS, WEBEMO_SYNONYMS):
        for of, synonyms in words.items():
            for form, other in choices.items():
                if (meaning(other) == of and plain(label) in synonyms) or (meaning(label) == of and form in synonyms):
                    return other
    near = difflib.get_close_matches(plain(label), choices, n=1, cutoff=_ALIKE)
    return choices[near[0]] if near else None


def _near(label: str, candidates: Iterable[str]) -> str:
    near = nearest(label, candidates)
    return "" if near is None else f"; nearest: {near!r}"


def _what(values: Sequence[str]) -> str:
    lengths = [len(value.split()) for value in values]
    return "sentences" if values and median(lengths) >= _WORDS else "values"


def _no_labels(
    column: str, what: str, different: int, pictures: int, first: str, *, apart: bool = False
) -> LabelsApartError:
    shown = first if len(first) <= 60 else first[:57] + "..."
    return LabelsApartError(
        f"the column {column!r} holds {what if what != 'values' else 'other things'}, not labels: {different:,} different "
        f"{'predictions' if column == 'predicted' else 'values'} for {pictures:,} pictures, first {shown!r}",
        "one label per picture is expected; several labels per picture go into columns vote_<label>"
        if what == "lists or records"
        else "one label per picture is expected; take the label out of each answer first",
        never_meet=apart,
    )


def _listed(items: Iterable[str]) -> str:
    listed = list(items)
    more = f", and {len(listed) - _MOST_NAMED:,} more" if len(listed) > _MOST_NAMED else ""
    return ", ".join(listed[:_MOST_NAMED]) + more
