"""How do answers, one row a picture, prompt and run, become one row a picture?

A row with probabilities was scored: the model was asked how likely each label's word is as its answer. A row without was
generated: its text was parsed. Where any row was scored, the scored ones make the predictions and the others stand beside
them; else every text that names a label counts as that label.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.arrays import Floats, Mask
from affect_workbench.data.answers.parser import KINDS
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.saved_arrays import read_parquet
from affect_workbench.data.tables.columns import ANSWER_COUNTS, PROMPT_PREFIX, SCORE_PREFIX
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

ANSWERS_FILE = "answers.parquet"
PROBABILITY_PREFIX = "p_"
ANSWER_COLUMNS = ("image_id", "prompt", "run", "kind", "answer", "text")
"""Columns beside the probabilities: the prompt's id is in `prompt`; `answer` is missing unless `kind` is `label`."""


def probability_columns(taxonomy: Taxonomy) -> list[str]:
    """Names of the columns that hold the labels' probabilities, in the taxonomy's order."""
    return [PROBABILITY_PREFIX + label for label in taxonomy.labels]


def read_answers(folder: Path, taxonomy: Taxonomy) -> pd.DataFrame:
    """The answers in a folder of `workbench ask`: `ANSWER_COLUMNS` and a probability a label, NaN where only text came.

    Raises:
        FileNotFoundError: no answers there.
        ValueError: damaged, or of other labels.
    """
    needed = (*ANSWER_COLUMNS, *probability_columns(taxonomy))
    return read_parquet(folder / ANSWERS_FILE, needed=needed, otherwise="ask the model again")


def scored(answers: pd.DataFrame, taxonomy: Taxonomy) -> Mask:
    """Which rows have probabilities."""
    mask: Mask = answers[probability_columns(taxonomy)].notna().all(axis=1).to_numpy(dtype=bool)
    return mask


def prompt_shares(answers: pd.DataFrame, taxonomy: Taxonomy) -> pd.DataFrame:
    """What was answered to each prompt, the mean over runs.

    Returns:
        `(pictures x prompts, k)` probabilities, or shares of texts where nothing was scored, indexed by `image_id` and
        `prompt`; only answers that predict, see above.
    """
    from_scores = scored(answers, taxonomy)
    values: Floats
    if from_scores.any():
        used = answers[from_scores]
        values = used[probability_columns(taxonomy)].to_numpy(np.float64)
    else:
        used = answers[answers["kind"] == "label"]
        values = np.eye(len(taxonomy))[taxonomy.codes(used["answer"])]
    index = pd.MultiIndex.from_arrays([used["image_id"], used["prompt"]], names=["image_id", "prompt"])
    return pd.DataFrame(values, index=index, columns=list(taxonomy.labels)).groupby(level=[0, 1], sort=False).mean()


def predictions_frame(answers: pd.DataFrame, rows: pd.DataFrame, taxonomy: Taxonomy) -> pd.DataFrame:
    """One row for each picture that any answer names a label for, as `workbench audit --predictions` reads it.

    The columns of `rows`; `predicted`; `score_<label>`, the mean over prompts of the mean over runs; `prompt_<prompt>`,
    what was answered to that prompt alone, missing where nothing was; and the `ANSWER_COUNTS` of all answers.

    Args:
        answers: see `read_answers`.
        rows: one row a picture, with `image_id`; their order is kept.
        taxonomy: the `k` labels.

    Raises:
        ValueError: no answer about any of these pictures names a label.
    """
    of_prompt = prompt_shares(answers[answers["image_id"].isin(rows["image_id"])], taxonomy)
    if of_prompt.empty:
        raise ValueError(f"none of {plural(len(answers), 'answer')} names one of the labels {', '.join(taxonomy.labels)}")
    scores = of_prompt.groupby(level="image_id").mean()
    kept = rows[rows["image_id"].isin(scores.index)].reset_index(drop=True)
    scores = scores.loc[kept["image_id"]]
    columns: dict[str, object] = {"predicted": _nearest(scores.to_numpy(), taxonomy)}
    columns |= {SCORE_PREFIX + label: scores[label].to_numpy() for label in taxonomy.labels}
    single = pd.Series(_nearest(of_prompt.to_numpy(), taxonomy), index=of_prompt.index, dtype=object)
    for prompt in dict.fromkeys(answers["prompt"]):
        given = single[single.index.get_level_values("prompt") == prompt].droplevel("prompt")
        columns[PROMPT_PREFIX + str(prompt)] = given.reindex(kept["image_id"]).to_numpy(dtype=object)
    counts = _counts(answers, kept["image_id"])
    return pd.concat([kept.drop(columns=[*columns, *ANSWER_COUNTS], errors="ignore"), pd.DataFrame(columns), counts], axis=1)


def unanswered_frame(answers: pd.DataFrame, rows: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """The pictures without a prediction: `image_id`, `path` and the `ANSWER_COUNTS` of what was answered instead."""
    left = rows[~rows["image_id"].isin(predictions["image_id"])].reset_index(drop=True)
    paths = left["path"] if "path" in left else pd.Series("", index=left.index)
    named = pd.DataFrame({"image_id": left["image_id"], "path": paths})
    return pd.concat([named, _counts(answers, left["image_id"])], axis=1)


def kind_counts(answers: pd.DataFrame) -> Mapping[str, int]:
    """How many answers are of each kind, absent ones as 0."""
    return {kind: int((answers["kind"] == kind).sum()) for kind in KINDS}


def _nearest(scores: Floats, taxonomy: Taxonomy) -> npt.NDArray[np.object_]:
    labels: npt.NDArray[np.object_] = np.asarray(taxonomy.labels, dtype=object)
    found: npt.NDArray[np.object_] = labels[scores.argmax(axis=1)]
    return found


def _counts(answers: pd.DataFrame, ids: pd.Series) -> pd.DataFrame:
    counts = pd.crosstab(answers["image_id"], answers["kind"]).reindex(index=ids, columns=list(KINDS), fill_value=0)
    return counts.reset_index(drop=True).set_axis(list(ANSWER_COUNTS), axis=1).astype("int64")
