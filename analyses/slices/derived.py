"""Which columns are worked out from the truth, though they do not repeat it one value for one label?

Three kinds: a flag that says where one label is true (`is_joy`), a finer truth (`joy, mild` and `joy, strong`), and a flag
that says where the prediction is right (`correct`). A flag has values that say yes and no: two groups of people that go
exactly with a label, or with the errors, may be the worst of biases, and stay. So does what holds several labels each, a
family of labels or a region: the same label may be predicted otherwise in it; an audit tells that it follows from the label.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from affect_workbench.analyses.slices.attribute_kinds import OFTEN
from affect_workbench.arrays import Codes
from affect_workbench.data.taxonomies.label_identity import plain
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

_CHANCE = 1e-6
"""A column that goes with the truth this seldom when its values are shuffled was worked out from it."""
_YES = {
    "1",
    "1.0",
    "yes",
    "y",
    "true",
    "t",
    "correct",
    "right",
    "hit",
    "match",
    "agree",
    "ok",
    "0",
    "0.0",
    "no",
    "n",
    "false",
    "f",
    "incorrect",
    "wrong",
    "miss",
    "mismatch",
    "disagree",
    "error",
    "none",
    "other",
    "others",
    "rest",
}
_FLAG_WORDS = {"not", "no", "non", "is"}


def derived_reason(codes: Codes, values: Sequence[object], *, true: Codes, y_pred: Codes, taxonomy: Taxonomy) -> str:
    """Why a column says nothing but the truth, to follow the word "it"; empty where it does not.

    Args:
        codes: the position of every picture's value `(n,)`, -1 where it is missing.
        values: the different values.
        true: the position of the true label `(n,)`, -1 where it is unknown.
        y_pred: the position of the predicted label `(n,)`.
        taxonomy: the labels.
    """
    known = (codes >= 0) & (true >= 0)
    own, truth = codes[known], true[known]
    present = len(np.unique(own))
    if present < 2 or len(np.unique(truth)) < 2:
        return ""
    if len(values) == 2:
        return _flag_reason(own, values, truth=truth, right=(y_pred[known] == truth).astype(np.int64), taxonomy=taxonomy)
    if present > 2 and len(own) >= OFTEN * present and _decides(own, truth):
        return "is determined by the truth: all pictures with one of its values have the same label"
    return ""


def follows(codes: Codes, true: Codes) -> bool:
    """Whether all pictures with one label have the same value, and hardly by chance; arguments as of `derived_reason`."""
    known = (codes >= 0) & (true >= 0)
    own, truth = codes[known], true[known]
    return len(np.unique(own)) > 1 and _decides(truth, own)


def _flag_reason(own: Codes, values: Sequence[object], *, truth: Codes, right: Codes, taxonomy: Taxonomy) -> str:
    if _says_yes_and_no(values) and _one_to_one(own, right):
        return "states where the prediction is right, and nothing else"
    for label in np.unique(truth):
        if _says_yes_and_no(values, label=taxonomy.labels[label]) and _one_to_one(own, (truth == label).astype(np.int64)):
            return f"states where the truth is {taxonomy.labels[label]!r}, and nothing else"
    return ""


def _says_yes_and_no(values: Sequence[object], *, label: str = "") -> bool:
    """Whether two values are those of a flag, or name the label and its absence."""
    own = set(plain(label).split())
    words = [set(plain(value).split()) for value in values]
    return all(
        str(value).strip().casefold() in _YES or bool(own and own <= spelt <= own | _FLAG_WORDS)
        for value, spelt in zip(values, words, strict=True)
    )


def _one_to_one(one: Codes, two: Codes) -> bool:
    return len(np.unique(two)) == 2 and _decides(one, two) and _decides(two, one)


def _decides(one: Codes, two: Codes) -> bool:
    """Whether each value of `one` goes with one value of `two`, and hardly by chance.

    Shuffled, `two` fits one way of going together in 1 of n! / (n_1! n_2! ...) orders, and there are at most k^v ways.
    """
    v, sizes = len(np.unique(one)), np.unique(two, return_counts=True)[1]
    if len(np.unique(one * (int(two.max()) + 1) + two)) > v:
        return False
    chance = sum(math.lgamma(int(size) + 1) for size in sizes) - math.lgamma(len(two) + 1) + v * math.log(len(sizes))
    return chance < math.log(_CHANCE)
