"""What do the raw replies of a model come to: a table of answers, a table of predictions, a list of pictures without one?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.data.answers.parser import ParsedAnswer, parse
from affect_workbench.data.answers.table import (
    ANSWER_COLUMNS,
    predictions_frame,
    probability_columns,
    scored,
    unanswered_frame,
)
from affect_workbench.data.tables.columns import PROMPT_PREFIX
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.asking.questions import Key

_KEY = ["image_id", "content", "prompt", "method", "run"]
NO_LABEL = "no answer names a label"


@dataclass(frozen=True)
class AskedPictures:
    """What asking about pictures made.

    Attributes:
        answers: a row a picture, prompt and run, see `data.answers.table`; `method` says how each was asked.
        predictions: a row a picture, None where no answer names a label.
        unanswered: a row for each picture without a prediction, with the reason.
        tokens_in: tokens that an endpoint counted as read; 0 where none did.
        tokens_out: tokens that it counted as written.
        cut: texts that were cut off.
    """

    answers: pd.DataFrame
    predictions: pd.DataFrame | None
    unanswered: pd.DataFrame
    tokens_in: int = 0
    tokens_out: int = 0
    cut: int = 0

    @property
    def scored(self) -> pd.DataFrame:
        """The answers that were scored."""
        return self.answers[self.answers["method"] == "scored"]

    @property
    def generated(self) -> pd.DataFrame:
        """The answers that were generated."""
        return self.answers[self.answers["method"] == "generated"]


def asked_pictures(raw: pd.DataFrame, keys: Collection[Key], rows: pd.DataFrame, taxonomy: Taxonomy) -> AskedPictures:
    """The tables made of raw replies.

    Args:
        raw: see `probes.asking.shards.Shards.table`.
        keys: the questions that belong to this run, in their order.
        rows: the pictures that were asked about.
        taxonomy: the labels.
    """
    order = pd.MultiIndex.from_tuples(list(keys), names=_KEY)
    raw = raw.set_index(_KEY).reindex(order).reset_index()
    unread = raw[raw["error"] != ""].drop_duplicates("image_id").set_index("image_id")["error"]
    raw = raw[raw["error"] == ""].reset_index(drop=True)
    answers = _answers(raw, taxonomy)
    names_one = (answers["kind"] == "label").any()
    predictions = predictions_frame(answers, rows, taxonomy) if names_one else None
    left = unanswered_frame(answers, rows, rows.iloc[:0] if predictions is None else predictions)
    reasons = left["image_id"].map(unread).map(lambda why: f"the picture cannot be read: {why}", na_action="ignore")
    unanswered = left.assign(reason=reasons.astype(object).where(reasons.notna(), NO_LABEL))
    sums = [int(raw[name].sum()) for name in ("tokens_in", "tokens_out", "cut")]
    return AskedPictures(answers, predictions, unanswered, *sums)


def agreement(asked: AskedPictures, taxonomy: Taxonomy) -> Mapping[str, Any]:
    """How often answers agree, None where there is nothing to compare.

    `prompts`: share of predicted pictures for which every prompt that was answered names one label; `free`: share of the
    generated texts with a label that name the one that is likeliest by the scores of the same prompt and picture.
    """
    found: dict[str, float | None] = {"prompts": None, "free": None}
    if asked.predictions is not None:
        columns = [name for name in asked.predictions if str(name).startswith(PROMPT_PREFIX)]
        if len(columns) > 1:
            found["prompts"] = float((asked.predictions[columns].nunique(axis=1) == 1).mean())
    texts = asked.generated[asked.generated["kind"] == "label"]
    scores = asked.scored[scored(asked.scored, taxonomy)]
    if len(texts) and len(scores):
        both = texts.merge(scores, on=["image_id", "prompt"], suffixes=("", "_scored"))
        found["free"] = float((both["answer"] == both["answer_scored"]).mean()) if len(both) else None
    return found


def _answers(raw: pd.DataFrame, taxonomy: Taxonomy) -> pd.DataFrame:
    probabilities = np.full((len(raw), len(taxonomy)), np.nan)
    kinds, labels = [], []
    columns_read = (raw[name] for name in ("method", "text", "refused", "probabilities"))
    for at, (method, text, refused, shares) in enumerate(zip(*columns_read, strict=True)):
        given = None if shares is None else np.asarray(shares, dtype=np.float64)
        if given is not None and not text:
            parsed = ParsedAnswer("label", taxonomy.labels[int(given.argmax())])
        else:
            parsed = ParsedAnswer("refusal") if refused else parse(text, taxonomy)
        label = parsed.label
        if method == "scored" and label is not None:
            probabilities[at] = np.eye(len(taxonomy))[taxonomy.labels.index(label)] if given is None else given
            label = taxonomy.labels[int(probabilities[at].argmax())]
        kinds.append(parsed.kind)
        labels.append(label)
    columns = {"image_id": raw["image_id"], "prompt": raw["prompt"], "run": raw["run"], "kind": kinds}
    columns |= {"answer": pd.Series(labels, dtype=object), "text": raw["text"], "method": raw["method"]}
    frame = pd.DataFrame(columns)[[*ANSWER_COLUMNS, "method"]]
    return pd.concat([frame, pd.DataFrame(probabilities, columns=probability_columns(taxonomy))], axis=1)
