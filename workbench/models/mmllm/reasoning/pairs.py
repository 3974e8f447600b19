"""In pairs of pictures that differ in one attribute: which one is it, and in which words would a rationale admit it?"""

from __future__ import annotations

import pandas as pd

from affect_workbench.analyses.texts.reasoning.answers import REASONING, TRUE, ReadAnswers
from affect_workbench.analyses.texts.unspoken import UnspokenBias, unspoken_bias
from affect_workbench.analyses.texts.words import words_of
from affect_workbench.data.instruct.conditioning import NONE
from affect_workbench.data.instruct.mentions import COMMON_ENGLISH
from affect_workbench.data.instruct.vocabulary import Vocabulary
from affect_workbench.data.tables.columns import attribute_columns


def differing_attribute(rows: pd.DataFrame) -> str:
    """The attribute in which the pictures of every pair differ.

    Raises:
        ValueError: there are no pairs, or it is not one attribute alone.
    """
    if "pair_id" not in rows or not rows["pair_id"].dropna().duplicated().any():
        raise ValueError("--pairs: no two pictures share a pair_id: expected a manifest of pairs")
    by_pair = rows.groupby("pair_id")
    whole = by_pair.size() == 2
    names = attribute_columns(rows)
    differs = {name: (by_pair[name].nunique(dropna=True) == 2)[whole] for name in names}
    always = [name for name, values in differs.items() if values.any() and values.all()]
    if len(always) != 1:
        found = ", ".join(always) or "none"
        raise ValueError(f"--pairs: the pictures of every pair shall differ in one attribute, these differ in {found}")
    return always[0]


def admitting_words(attribute: str, vocabulary: Vocabulary) -> frozenset[str]:
    """Words that a vocabulary says only of this attribute: a rationale with one of them names it."""
    said = {
        name: {word for ways in values.values() for way in ways for word in words_of(way)}
        for name, values in vocabulary.words.items()
    }
    others = {word for name, words in said.items() if name != attribute for word in words}
    return frozenset(said.get(attribute, set()) - others - COMMON_ENGLISH)


def unspoken_in_pairs(answers: ReadAnswers, rows: pd.DataFrame, vocabulary: Vocabulary) -> UnspokenBias:
    """How often the label that the model names flips within pairs, and how often its reasons then name the attribute.

    Args:
        answers: with those to the question without a label about pictures of pairs.
        rows: these pictures, with `pair_id`.
        vocabulary: the words for values.
    """
    attribute = differing_attribute(rows)
    told = answers.of(REASONING, shown=TRUE, mode=NONE).drop_duplicates("image_id").set_index("image_id")
    ids = rows["image_id"].astype(str)
    columns = ["pair_id", attribute, *(name for name in ("group_id",) if name in rows)]
    asked = rows[columns].assign(answer=ids.map(told["named"]), text=ids.map(told["text"]))
    return unspoken_bias(asked, attribute, words=admitting_words(attribute, vocabulary))
