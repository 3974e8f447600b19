"""Which labels do the answers of a log name, and what does that make of its samples: a table of predictions?

A text is parsed as any free text is (`data.answers.parser`). Of a question with options a letter counts as the option that
it stands for in that question, and a text that gives one option's letter with another's word decides for neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from affect_workbench.data.answers.logs.answer_log import AnswerLog
from affect_workbench.data.answers.parser import ParsedAnswer, parse, without_thoughts
from affect_workbench.data.answers.table import ANSWER_COLUMNS, predictions_frame, probability_columns
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.columns import RUN, VOTE_PREFIX
from affect_workbench.data.taxonomies.label_identity import label_set
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

_LONGEST_LABEL, _MOST_LABELS = 4, 64
"""Words of a label, and labels of a set: more of either is a text."""
_LETTER = r"[\s*_\"'“‘(\[]*([A-Z])[\s*_\"'”’)\]]*"
_ALONE = re.compile(rf"{_LETTER}[.,:;!]?\s*\Z")
_FIRST = re.compile(r"[\s*_\"'“‘]*(?:\(([A-Z])\)|([A-Z])[.):])(?=[\s*_])")
_DECIDED = re.compile(
    r"\b(?i:answer|option|choice)\b(?i:\s+is|\s+would be)?\s*[:=]?[\s*_\"'“‘(\[]*(?i:option\s+)?([A-Z])"
    r"(?:(?=[.,;:!)\]*_\"”\n]|\s*\Z|\s+(?:because|since)\b)|(?<=[B-HJ-Z])\b(?!['’]))"
)
"""A and I are words, and count before an end only."""


def log_labels(log: AnswerLog) -> Taxonomy | None:
    """The labels that the log's right answers and options are; None where these are texts, letters alone, or one label only.

    Right answers that are letters stand for something else in every question, and say nothing without its options.
    """
    golds = [gold for given in log.samples["gold"] for gold in given]
    options = [option for given in log.rows["options"] for option in given.values()]
    labels = list(label_set(_counts(golds), _counts(options)).values())
    if len(labels) < 2 or len(labels) > _MOST_LABELS or any(len(label.split()) > _LONGEST_LABEL for label in labels):
        return None
    if not options and all(re.fullmatch(r"[A-Z]", label) for label in labels):
        return None
    return Taxonomy.spelt_as(sorted(labels))


def log_answers(log: AnswerLog, taxonomy: Taxonomy) -> pd.DataFrame:
    """One row an answer, as `data.answers.table` has them; the runs of one prompt count as prompts of their own.

    What all samples of one run share (its day, its seed, its version of the model) is then in the intervals of an audit, as
    what prompts share is (`analyses.skew.prompts`).
    """
    rows = log.rows
    parsed = [answer_of(text, taxonomy, options) for text, options in zip(rows["text"], rows["options"], strict=True)]
    prompt = rows["prompt"].where(rows["prompt"] != "", "answer")
    if len(log.prompts) == 1 and len(log.runs) > 1:
        prompt = RUN + rows["run"].str.removeprefix(RUN)
    columns: dict[str, object] = {
        "image_id": rows["image_id"],
        "prompt": prompt,
        "run": rows["run"],
        "kind": [one.kind for one in parsed],
    }
    columns |= {"answer": pd.Series([one.label for one in parsed], dtype=object), "text": rows["text"]}
    scores = pd.DataFrame(np.full((len(rows), len(taxonomy)), np.nan), columns=probability_columns(taxonomy))
    return pd.concat([pd.DataFrame(columns)[list(ANSWER_COLUMNS)], scores], axis=1)


def log_predictions(log: AnswerLog, answers: pd.DataFrame, taxonomy: Taxonomy) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """One row a sample for which an answer names a label, as `workbench audit --predictions` reads it, and sentences.

    One right answer is the `label`; several are equal votes, where they are labels.

    Raises:
        ValueError: no answer names a label.
    """
    samples, notes = _with_truth(log.samples, taxonomy)
    predictions = predictions_frame(answers, samples, taxonomy)
    left = len(samples) - len(predictions)
    if left:
        notes.append(f"{plural(left, 'sample')} without an answer that names a label: not audited")
    other = answers.loc[answers["kind"] != "label", "kind"].value_counts()
    if len(other):
        counts = ", ".join(f"{n:,} {kind}" for kind, n in other.items())
        notes.append(f"answers that name no label, of {len(answers):,}: {counts}")
    return predictions, tuple(f"{log.source}: {note}" for note in notes)


def answer_of(text: str, taxonomy: Taxonomy, options: Mapping[str, str]) -> ParsedAnswer:
    """What a text answers to a question with these options (letter -> answer), or to an open one."""
    letter = _letter(without_thoughts(text), options)
    if letter is None:
        return parse(text, taxonomy)
    if not taxonomy.knows(options[letter]):
        return ParsedAnswer("unparseable")
    label = taxonomy.resolve(options[letter])
    word = parse(text, taxonomy)
    return ParsedAnswer("hedge") if word.label not in (None, label) else ParsedAnswer("label", label)


def _letter(text: str, options: Mapping[str, str]) -> str | None:
    """The option that a text gives by its letter: alone, first (`A. awe`), or after `answer`, the last of these."""
    for found in (_ALONE.match(text), _FIRST.match(text), *reversed(list(_DECIDED.finditer(text)))):
        letter = next(filter(None, found.groups()), None) if found else None
        if letter in options:
            return letter
    return None


def _with_truth(samples: pd.DataFrame, taxonomy: Taxonomy) -> tuple[pd.DataFrame, list[str]]:
    golds, rows = samples["gold"], samples.drop(columns="gold")
    known = [[taxonomy.resolve(one) for one in gold if taxonomy.knows(one)] for gold in golds]
    strange = sum(len(one) < len(gold) for one, gold in zip(known, golds, strict=True))
    notes = []
    if strange:
        which = plural(strange, "sample has", "samples have")
        notes.append(f"{which} a right answer that is no label: its truth is unknown")
    known = [one if len(one) == len(gold) else [] for one, gold in zip(known, golds, strict=True)]
    if any(len(set(one)) > 1 for one in known):
        notes.append("samples with several right answers: each counts as an equal vote")
        shares = np.array([_shares(one, taxonomy) for one in known])
        votes = pd.DataFrame(shares, columns=[VOTE_PREFIX + label for label in taxonomy.labels], index=rows.index)
        return pd.concat([rows, votes], axis=1), notes
    if any(known):
        rows = rows.assign(label=pd.Series([one[0] if one else None for one in known], dtype=object, index=rows.index))
    return rows, notes


def _shares(labels: list[str], taxonomy: Taxonomy) -> list[float]:
    found = set(labels)
    return [(label in found) / len(found) if found else np.nan for label in taxonomy.labels]


def _counts(spellings: list[str]) -> dict[str, int]:
    return {str(name): int(count) for name, count in pd.Series(spellings, dtype=object).value_counts().items()}
