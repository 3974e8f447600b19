"""How well does a model reason about pictures, by measures that need no judge, each beside its value without the picture?

"States the label of the question" is obedience and is met blindly; plain accuracy of the subject is half right for always
saying the commonest one, and is not told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from affect_workbench.analyses.texts.measures import ANSWER, NOTHING, REFUSED
from affect_workbench.analyses.texts.reasoning.answers import (
    CAPTION,
    CAUSE_MASKED,
    OTHER_MASKED,
    PICTURES,
    QUESTION,
    REASONING,
    STATEMENT,
    TRUE,
    ReadAnswers,
)
from affect_workbench.analyses.texts.reasoning.estimates import (
    Estimate,
    macro_recall,
    mean_difference,
    mean_number,
    share_of,
)
from affect_workbench.analyses.texts.reasoning.overlap import bleu4, rouge_l
from affect_workbench.analyses.texts.reasoning.result import (
    ABSENT_MENTIONS,
    BLEU,
    COLUMNS,
    DIFFERENCE,
    DOUBTS,
    EMPTY,
    MENTIONS_ABSENT,
    NAMES_CAUSE,
    RECALL,
    REFUSES,
    RIGHT_LABEL,
    RIGHT_VERDICT,
    ROUGE,
    STATES_LABEL,
    UNNAMED,
    VOTE_SHARE,
    WORDS,
    ReasoningResult,
)
from affect_workbench.data.instruct.conditioning import GIVEN, MODES, NONE

_Row = tuple[str, str, str, Estimate]


def evaluate_reasoning(answers: ReadAnswers, *, references: pd.Series | None = None) -> ReasoningResult:
    """Every measure that the answers allow.

    Args:
        answers: see `read_answers`.
        references: a caption to compare with, by `image_id`; for BLEU-4 and ROUGE-L.
    """
    rows = list(_rows(answers, references))
    found = [(measure, attribute, shown, *_numbers(one)) for measure, attribute, shown, one in rows if one.n]
    notes = list(answers.notes)
    if not (answers.rows["shown"] == CAUSE_MASKED).any():
        notes.append("no region of a cause was masked: whether the picture is the evidence is not told")
    return ReasoningResult(pd.DataFrame(found, columns=list(COLUMNS)), _by_picture(answers), tuple(notes))


def _numbers(one: Estimate) -> tuple[float, float, float, int]:
    return one.share, one.low, one.high, one.n


def _rows(answers: ReadAnswers, references: pd.Series | None) -> Iterator[_Row]:
    for shown in PICTURES:
        captions = answers.of(CAPTION, shown=shown)
        yield from _about_absent(CAPTION, captions, shown)
        yield from _style(CAPTION, captions, shown)
        if references is not None:
            yield from _overlap(captions, references, shown)
        yield from _recalls(answers.of(QUESTION, shown=shown), shown)
        yield from _statements(answers.of(STATEMENT, shown=shown), shown)
        for mode in MODES:
            texts = answers.of(REASONING, shown=shown, mode=mode)
            yield from _reasoning(mode, texts, shown)
            yield from _about_absent(mode, texts, shown)
            yield from _style(mode, texts, shown)
    yield from _evidence(answers)


def _reasoning(mode: str, texts: pd.DataFrame, shown: str) -> Iterator[_Row]:
    """Causes, of answers about a label for which the picture has some; labels, of all."""
    explained = texts[texts["causes"].map(len) > 0]
    yield f"{mode}: {NAMES_CAUSE}", "", shown, share_of(explained["caused"].map(len) > 0, explained["group"])
    if mode != NONE:
        stated = texts["named"].map(str.casefold, na_action="ignore") == texts["stated"].str.casefold()
        yield f"{mode}: {STATES_LABEL}", "", shown, share_of(stated, texts["group"])
        return
    labelled = texts[texts["label"].notna()]
    yield f"{mode}: {RIGHT_LABEL}", "", shown, share_of(labelled["named"] == labelled["label"], labelled["group"])
    voted = texts[texts["vote"].notna()]
    yield f"{mode}: {VOTE_SHARE}", "", shown, share_of(voted["vote"], voted["group"])


def _about_absent(what: str, texts: pd.DataFrame, shown: str) -> Iterator[_Row]:
    """Of answers those that mention something absent, of mentions those of something absent."""
    said = texts[texts["kind"] == ANSWER]
    yield f"{what}: {MENTIONS_ABSENT}", "", shown, share_of(said["absent"].map(len) > 0, said["group"])
    each = said[["mentioned", "absent", "group"]].explode("mentioned", ignore_index=True)
    each = each[each["mentioned"].notna()]
    missing = pd.Series([one in gone for one, gone in zip(each["mentioned"], each["absent"], strict=True)], dtype=float)
    yield f"{what}: {ABSENT_MENTIONS}", "", shown, share_of(missing, each["group"])


def _recalls(texts: pd.DataFrame, shown: str) -> Iterator[_Row]:
    """Of each attribute that was asked about: right is an answer that mentions the value and no other one of it."""
    known = texts[texts["value"].notna()]
    for attribute in dict.fromkeys(known["about"]):
        some = known[known["about"] == attribute]
        hits = pd.Series(
            [
                {value for name, value in said if name == attribute} == {right}
                for said, right in zip(some["mentioned"], some["value"], strict=True)
            ],
            index=some.index,
        )
        yield f"{QUESTION}: {RECALL}", attribute, shown, macro_recall(hits, some["value"], some["group"])


def _statements(texts: pd.DataFrame, shown: str) -> Iterator[_Row]:
    """An answer that calls a statement neither true nor false is wrong."""
    known = texts[texts["value"].notna()]
    right = known["judged"] == (known["value"] == known["claim"])
    yield f"{STATEMENT}: {RIGHT_VERDICT}", "", shown, share_of(right, known["group"])


def _style(what: str, texts: pd.DataFrame, shown: str) -> Iterator[_Row]:
    """Length and doubt of answers; refusals among those that are not empty."""
    said, written = texts[texts["kind"] == ANSWER], texts[texts["kind"] != NOTHING]
    yield f"{what}: {WORDS}", "", shown, mean_number(said["length"], said["group"])
    yield f"{what}: {DOUBTS}", "", shown, share_of(said["doubt"], said["group"])
    yield f"{what}: {REFUSES}", "", shown, share_of(written["kind"] == REFUSED, written["group"])
    yield f"{what}: {EMPTY}", "", shown, share_of(texts["kind"] == NOTHING, texts["group"])


def _overlap(texts: pd.DataFrame, references: pd.Series, shown: str) -> Iterator[_Row]:
    both = texts.assign(reference=texts["image_id"].map(references))
    both = both[both["reference"].notna()]
    if len(both):
        bleu = Estimate(bleu4(both["text"].tolist(), both["reference"].tolist()), float("nan"), float("nan"), len(both))
        yield f"{CAPTION}: {BLEU}", "", shown, bleu
        shares = [rouge_l(text, reference) for text, reference in zip(both["text"], both["reference"], strict=True)]
        yield f"{CAPTION}: {ROUGE}", "", shown, mean_number(pd.Series(shares), both["group"])


def _evidence(answers: ReadAnswers) -> Iterator[_Row]:
    """Of answers that name a cause: does the same question still bring it up when the cause cannot be seen?

    Against another region of equal size, as any mask may confuse a model. Only causes that the answer to the whole picture
    names count.
    """
    rows = answers.rows
    whole = answers.of(REASONING, shown=TRUE, mode=GIVEN)
    pairs = whole[["image_id", "caused"]].explode("caused").rename(columns={"caused": "about"}).dropna()
    groups = whole[["image_id", "group"]].drop_duplicates("image_id")
    found = pairs.drop_duplicates().merge(groups, on="image_id")
    for shown in (CAUSE_MASKED, OTHER_MASKED):
        some = rows[(rows["shown"] == shown) & (rows["mode"] == GIVEN)].drop_duplicates(["image_id", "about"])
        silent = [
            (about, value) not in said
            for about, value, said in zip(some["about"], some["value"], some["mentioned"], strict=True)
        ]
        found = found.merge(some[["image_id", "about"]].assign(**{shown: silent}), on=["image_id", "about"])
    for attribute in ("", *sorted(found["about"].unique())):
        some = found[found["about"] == attribute] if attribute else found
        cause, other = (some[shown].astype(float) for shown in (CAUSE_MASKED, OTHER_MASKED))
        measure = f"evidence: {UNNAMED}"
        yield measure, attribute, CAUSE_MASKED, share_of(cause, some["group"])
        yield measure, attribute, OTHER_MASKED, share_of(other, some["group"])
        yield measure, attribute, DIFFERENCE, mean_difference(cause - other, some["group"])


def _by_picture(answers: ReadAnswers) -> pd.DataFrame:
    """What the answers to the true pictures come to, a row a picture."""
    rows = answers.rows[answers.rows["shown"] == TRUE]
    given, free = (rows[rows["mode"] == mode] for mode in (GIVEN, NONE))
    told = rows[rows["task"].isin((CAPTION, REASONING)) & (rows["kind"] == ANSWER)]
    explained, labelled = given[given["causes"].map(len) > 0], free[free["label"].notna()]
    parts: Sequence[tuple[str, pd.DataFrame, pd.Series]] = (
        (NAMES_CAUSE, explained, explained["caused"].map(len) > 0),
        (MENTIONS_ABSENT, told, told["absent"].map(len) > 0),
        (RIGHT_LABEL, labelled, labelled["named"] == labelled["label"]),
    )
    columns = {name: hits.astype(np.float64).groupby(some["image_id"]).mean() for name, some, hits in parts}
    ids = rows["image_id"].drop_duplicates()
    return pd.DataFrame(columns).reindex(ids).rename_axis("image_id").reset_index()
