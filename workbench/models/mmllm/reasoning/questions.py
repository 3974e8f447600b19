"""What is a model asked about each picture, and which picture is it shown meanwhile?

The questions are those that instruct data ask (`data.instruct.plan`), and what is shown changes nothing in them: whoever
answers alike when somebody else's picture is shown did not look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from affect_workbench.analyses.slices.pairs import group_codes
from affect_workbench.analyses.texts.reasoning.answers import (
    CAPTION,
    CAUSE_MASKED,
    MEAN,
    OTHER_MASKED,
    QUESTION,
    REASONING,
    SHUFFLED,
    STATEMENT,
    TEXT_COLUMNS,
    TRUE,
    ReadAnswers,
)
from affect_workbench.data.instruct.conditioning import GIVEN, NONE, PREDICTED, WRONG, Mode, Ranked, conditioned, drawn_label
from affect_workbench.data.instruct.plan import Plan
from affect_workbench.data.instruct.records import DESCRIBED
from affect_workbench.data.instruct.vocabulary import Vocabulary
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.asking.questions import Question

ASKED_COLUMNS = (*(name for name in TEXT_COLUMNS if name != "text"), "prompt", "file")
"""A row a question: what it is about, its id among those of its picture, and the `image_id` of the file that is opened."""


def planned_questions(
    rows: pd.DataFrame, vocabulary: Vocabulary, taxonomy: Taxonomy, *, seed: int, ranked: Mapping[str, Ranked]
) -> pd.DataFrame:
    """All questions with the true, somebody else's and the mean picture, columns `ASKED_COLUMNS`.

    Args:
        rows: the pictures: `image_id`, attributes, `label`.
        vocabulary: what is asked about the attributes; of each picture about those that it has.
        taxonomy: the labels, of which a wrong one is drawn.
        seed: of wordings, statements, wrong labels and of whose picture is shown.
        ranked: what a probe says, by picture; empty without one.
    """
    asked = list(_asked(rows, vocabulary, taxonomy, seed=seed, ranked=ranked))
    own = pd.DataFrame(asked, columns=[name for name in TEXT_COLUMNS if name not in ("text", "shown")])
    other = deranged(rows, seed=seed)
    first = str(rows["image_id"].iloc[0])
    parts = (
        own.assign(shown=TRUE, file=own["image_id"]),
        own.assign(shown=SHUFFLED, file=own["image_id"].map(other)),
        own.assign(shown=MEAN, file=first),
    )
    every = pd.concat(parts, ignore_index=True)
    prompts = every[["shown", "task", "mode", "about"]].agg("/".join, axis=1)
    order = np.argsort(pd.factorize(every["file"])[0], kind="stable")  # each file is opened for all that is asked of it
    return every.assign(prompt=prompts)[list(ASKED_COLUMNS)].iloc[order].reset_index(drop=True)


def free_questions(rows: pd.DataFrame) -> pd.DataFrame:
    """Which emotion, and why? For each picture as it is."""
    question = conditioned(None, NONE)
    columns = {"image_id": rows["image_id"].astype(str), "shown": TRUE, "task": REASONING, "about": "", "claim": ""}
    columns |= {"mode": NONE, "stated": "", "question": question, "prompt": f"{TRUE}/{REASONING}/{NONE}/"}
    return pd.DataFrame(columns).assign(file=rows["image_id"].astype(str))[list(ASKED_COLUMNS)].reset_index(drop=True)


def masked_questions(answers: ReadAnswers, planned: pd.DataFrame, maskable: Callable[[str, str], bool]) -> pd.DataFrame:
    """The question of reasoning once more with the region of the first cause hidden that an answer names, and with another.

    Args:
        answers: what was answered so far.
        planned: the questions that were asked.
        maskable: whether the region of a picture's attribute is known and can lie elsewhere.
    """
    told = answers.of(REASONING, shown=TRUE, mode=GIVEN)
    named = zip(told["image_id"], told["caused"], strict=True)
    first = {one: next((name for name in caused if maskable(one, name)), None) for one, caused in named}
    whole = planned[(planned["shown"] == TRUE) & (planned["mode"] == GIVEN)]
    about = whole["image_id"].map(first)
    some = whole.assign(about=about)[about.notna()]
    parts = [some.assign(shown=shown, prompt=shown + "/" + some["about"]) for shown in (CAUSE_MASKED, OTHER_MASKED)]
    return pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)


def as_questions(asked: pd.DataFrame, paths: Mapping[str, Path], contents: Mapping[str, str]) -> list[Question]:
    """The same as `workbench ask` puts them to a model.

    Args:
        asked: see `ASKED_COLUMNS`.
        paths: where the picture of each `image_id` is.
        contents: the hash of its bytes.
    """
    columns = (asked[name] for name in ("image_id", "file", "prompt", "question"))
    return [
        Question(one, contents[file], paths[file], prompt, "generated", 0, text)
        for one, file, prompt, text in zip(*columns, strict=True)
    ]


def deranged(rows: pd.DataFrame, *, seed: int) -> dict[str, str]:
    """image_id -> another picture's, each picture's once; of another group wherever no group holds more than half of them.

    Groups stand in random order, one picture after the other, and each is given the picture as many places on as the largest
    group has.

    Raises:
        ValueError: there are fewer than two pictures.
    """
    if len(rows) < 2:
        raise ValueError("one picture alone cannot be shown in place of another: expected at least two")
    rng = np.random.default_rng(seed)
    found = group_codes(rows)
    groups = np.arange(len(rows)) if found is None else found
    places = rng.permutation(int(groups.max()) + 1)[groups]
    order = np.lexsort((rng.random(len(rows)), places))
    ids = rows["image_id"].astype(str).to_numpy()[order]
    by = min(int(np.bincount(groups).max()), len(rows) - 1)
    return dict(zip(ids.tolist(), np.roll(ids, -by).tolist(), strict=True))


def _asked(
    rows: pd.DataFrame, vocabulary: Vocabulary, taxonomy: Taxonomy, *, seed: int, ranked: Mapping[str, Ranked]
) -> Iterator[tuple[str, str, str, str, str, str, str]]:
    """(image_id, task, about, claim, mode, stated, question) of what is asked about each picture."""
    plan = Plan(vocabulary, ("caption", "questions"), len(vocabulary.words), seed)
    shown = {str(row["image_id"]): vocabulary.shown({str(key): row[key] for key in row}) for row in rows.to_dict("records")}
    for turn in plan.turns(rows):
        about_it = turn.task == CAPTION or turn.about in shown[turn.image_id]
        if turn.kind == DESCRIBED and turn.task in (CAPTION, QUESTION, STATEMENT) and about_it:
            yield turn.image_id, turn.task, turn.about, turn.claim, "", "", turn.question
    for image_id, label in zip(rows["image_id"].astype(str), rows["label"], strict=True):
        modes: dict[Mode, str] = {NONE: ""}
        if isinstance(label, str):
            label = taxonomy.resolve(label)
            modes |= {GIVEN: label, WRONG: drawn_label(taxonomy.labels, right=label, seed=seed, key=image_id)}
        if image_id in ranked:
            modes[PREDICTED] = ranked[image_id][0][0]
        for mode, stated in modes.items():
            question = conditioned(None, mode, stated, ranked=ranked.get(image_id, ()) if mode == PREDICTED else ())
            yield image_id, REASONING, "", "", mode, stated, question
