"""What does each answer about a picture say: which label, which values of attributes, which of them are not there?

Read by words alone, no model judges: the vocabulary says how a value is said, and the facts say what the picture shows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from affect_workbench.analyses.slices.pairs import group_codes
from affect_workbench.analyses.texts.measures import text_measures
from affect_workbench.data.answers.parser import parse, without_thoughts
from affect_workbench.data.instruct.conditioning import MODES, NONE
from affect_workbench.data.instruct.mentions import Mentions
from affect_workbench.data.instruct.vocabulary import Vocabulary
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

TRUE, SHUFFLED, MEAN = "true", "shuffled", "mean"
PICTURES = (TRUE, SHUFFLED, MEAN)
"""What a model is shown: the picture that is asked about, that of somebody else, or the mean of all pictures."""
CAUSE_MASKED, OTHER_MASKED = "cause masked", "other masked"
SHOWN = (*PICTURES, CAUSE_MASKED, OTHER_MASKED)
"""And the picture with the region of a cause hidden, or another of the same size."""
CAPTION, QUESTION, STATEMENT, REASONING = "caption", "question", "statement", "reasoning"
TASKS = (CAPTION, QUESTION, STATEMENT, REASONING)
TEXT_COLUMNS = ("image_id", "shown", "task", "about", "claim", "mode", "stated", "question", "text")
"""A row an answer: `about` the attribute of a question, a statement, or a mask; `claim` the value that a statement claims;
`mode` of reasoning (`data.instruct.conditioning.MODES`); `stated` the label in the question. Else empty."""

_TRUE, _FALSE = re.compile(r"\W*(?:true|yes|correct)\b", re.IGNORECASE), re.compile(r"\W*(?:false|no|not)\b", re.IGNORECASE)


@dataclass(frozen=True)
class ReadAnswers:
    """Answers about pictures, read.

    Attributes:
        rows: one row an answer: `TEXT_COLUMNS`; `kind` (`answer`, `refusal`, `empty`), `doubt`, `length` in words; `named`,
            the label that it names alone, or None; `mentioned` and `absent`, (attribute, value) each, the second of what
            the picture does not show; `causes`, the attributes that it shows and that speak for the label in question, of
            which `caused` are named; `value`, what it shows of `about`, or None; `judged`, whether it calls a statement
            true, None where it does not say; `label`, the true one, or None; `vote`, the share of votes for the label that
            is named, NaN without votes; `group`, a number for what hangs together.
        notes: what was left out.
    """

    rows: pd.DataFrame
    notes: tuple[str, ...] = ()

    def of(self, task: str, *, shown: str, mode: str = "") -> pd.DataFrame:
        """The answers of one task to one kind of picture."""
        rows = self.rows
        return rows[(rows["task"] == task) & (rows["shown"] == shown) & (rows["mode"] == mode)]


def read_answers(texts: pd.DataFrame, facts: pd.DataFrame, vocabulary: Vocabulary, taxonomy: Taxonomy) -> ReadAnswers:
    """Reads what a model answered about pictures.

    Where the vocabulary knows a rule, all there is of a picture is known: a value of an attribute that it does not have (the
    tone of a figure without a figure) is absent. Elsewhere nothing is held against what is said of it.

    Args:
        texts: one row an answer, see `TEXT_COLUMNS`; a missing text is an empty one.
        facts: one row a picture: `image_id`, attributes, `label`; `vote_<label>` where there are votes, `group_id` or
            `pair_id` where pictures hang together.
        vocabulary: in which words values are said, and what speaks for which label.
        taxonomy: the labels.

    Raises:
        ValueError: a column is missing, a picture stands twice in the facts, or no answer can be used.
    """
    for what, table, needed in (("answers", texts, TEXT_COLUMNS), ("facts", facts, ("image_id", "label"))):
        absent = [name for name in needed if name not in table]
        if absent:
            raise ValueError(f"the {what} have no column {absent[0]!r}: columns are {', '.join(map(str, table.columns))}")
    facts = facts.assign(image_id=facts["image_id"].astype(str)).reset_index(drop=True)
    if not facts["image_id"].is_unique:
        raise ValueError(f"the facts name picture {facts['image_id'][facts['image_id'].duplicated()].iloc[0]!r} twice")
    texts, notes = _usable(texts, facts)
    known, mentions = _Facts(facts, vocabulary, taxonomy), Mentions(vocabulary)
    different = texts["text"].drop_duplicates().reset_index(drop=True)
    said = {text: _Said.of(without_thoughts(text), mentions, taxonomy) for text in different}
    style = text_measures(pd.DataFrame({"image_id": "", "text": different})).texts.set_index("text")
    each = zip(*(texts[name] for name in _ASKED), strict=True)
    rows = [_against(dict(zip(_ASKED, row, strict=True)), said[row[-1]], known) for row in each]
    columns = {name: pd.Series([row[name] for row in rows], dtype=object) for name in _READ}
    measured = style.loc[texts["text"], ["kind", "doubt", "length"]].reset_index(drop=True)
    found = pd.concat([texts, measured, pd.DataFrame(columns)], axis=1)
    return ReadAnswers(found.astype({"vote": np.float64, "group": np.int64}), notes)


_ASKED = ("image_id", "task", "about", "mode", "stated", "text")
_READ = ("named", "mentioned", "absent", "causes", "caused", "value", "judged", "label", "vote", "group")


class _Facts:
    """What is known of each picture."""

    def __init__(self, facts: pd.DataFrame, vocabulary: Vocabulary, taxonomy: Taxonomy) -> None:
        self.vocabulary, self.taxonomy = vocabulary, taxonomy
        groups = group_codes(facts)
        codes = range(len(facts)) if groups is None else groups.tolist()
        records = ({str(key): value for key, value in row.items()} for row in facts.to_dict("records"))
        self._rows = {
            str(row["image_id"]): (row, vocabulary.shown(row), code) for row, code in zip(records, codes, strict=True)
        }
        self.votes = any(str(name).startswith(VOTE_PREFIX) for name in facts)

    def of(self, image_id: str) -> tuple[Mapping[str, object], Mapping[str, str], int]:
        """Columns of the picture, the values that it shows, and its group."""
        return self._rows[image_id]

    def vote(self, row: Mapping[str, object], label: str | None) -> float:
        """Share of votes for a label, 0 for none; NaN without votes."""
        votes = {str(name)[len(VOTE_PREFIX) :]: row[name] for name in row if str(name).startswith(VOTE_PREFIX)}
        shares = {
            self.taxonomy.resolve(name): float(str(share)) for name, share in votes.items() if self.taxonomy.knows(name)
        }
        total = sum(shares.values())
        return shares.get(label or "", 0.0) / total if total > 0 else float("nan")


def _usable(texts: pd.DataFrame, facts: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows that can be read, and a sentence for each kind of others."""
    plain = {name: texts[name].astype(object).where(texts[name].notna(), "").astype(str) for name in TEXT_COLUMNS}
    rows = pd.DataFrame(plain).reset_index(drop=True)
    legal = {"shown": SHOWN, "task": TASKS}
    reasons = {f"of another {name} than {', '.join(values)}": ~rows[name].isin(values) for name, values in legal.items()}
    of_reasoning = rows["task"] == REASONING
    reasons["about no picture that is known"] = ~rows["image_id"].isin(facts["image_id"])
    reasons[f"of reasoning in no mode of {', '.join(MODES)}"] = of_reasoning & ~rows["mode"].isin(MODES)
    reasons["of reasoning about a label that is not stated"] = of_reasoning & (rows["mode"] != NONE) & (rows["stated"] == "")
    left, notes = np.zeros(len(rows), dtype=bool), []
    for reason, bad in reasons.items():
        new = bad.to_numpy(bool) & ~left
        if new.any():
            first = int(np.flatnonzero(new)[0]) + 1
            notes.append(f"{plural(int(new.sum()), 'answer')} {reason}, first in row {first}: left out")
        left |= new
    if left.all():
        raise ValueError("no answer can be used" + (f": {'; '.join(notes)}" if notes else ": there is none"))
    rows.loc[~of_reasoning, "mode"] = ""
    return rows[~left].reset_index(drop=True), tuple(notes)


@dataclass(frozen=True)
class _Said:
    """What a text says, whatever it is about."""

    named: str | None
    mentioned: tuple[tuple[str, str], ...]
    judged: bool | None

    @classmethod
    def of(cls, text: str, mentions: Mentions, taxonomy: Taxonomy) -> _Said:
        mentioned = dict.fromkeys((one.attribute, one.value) for one in mentions.of(text))
        judged = True if _TRUE.match(text) else False if _FALSE.match(text) else None
        return cls(parse(text, taxonomy).label, tuple(mentioned), judged)


def _against(row: Mapping[str, str], said: _Said, known: _Facts) -> dict[str, object]:
    """What an answer says, held against the facts."""
    facts, shown, group = known.of(row["image_id"])
    taxonomy = known.taxonomy
    everything = known.vocabulary.causes is not None
    absent = {one for one in said.mentioned if shown.get(one[0], one[1] if not everything else None) != one[1]}
    stated = taxonomy.resolve(row["stated"]) if taxonomy.knows(row["stated"]) else None
    question = said.named if row["mode"] == NONE else stated
    causes = known.vocabulary.causes_of(facts, question) if row["task"] == REASONING and question else ()
    label = facts.get("label")
    return {
        "named": said.named,
        "mentioned": said.mentioned,
        "absent": absent,
        "causes": causes,
        "caused": tuple(name for name, value in said.mentioned if name in causes and shown.get(name) == value),
        "value": shown.get(row["about"]),
        "judged": said.judged,
        "label": taxonomy.resolve(label) if isinstance(label, str) and taxonomy.knows(label) else None,
        "vote": known.vote(facts, said.named) if known.votes else float("nan"),
        "group": group,
    }
