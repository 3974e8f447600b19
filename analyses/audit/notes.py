"""What should be known of predictions before their audit is read: groups, truth, votes, a model that says one thing only?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from affect_workbench.analyses.skew.prompts import FEWEST
from affect_workbench.analyses.slices.derived import follows
from affect_workbench.analyses.slices.pairs import group_codes
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.data.plurals import plural
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.tables.columns import RUN, VOTE_PREFIX
from affect_workbench.data.tables.read import named
from affect_workbench.data.taxonomies.label_overlap import unmet_notes

_TIE = 1e-9
"""Shares of votes that differ by less are equal."""


def prediction_notes(predictions: Predictions) -> list[str]:
    """A sentence for everything about these predictions that changes how an audit of them is read."""
    notes = []
    predicted = np.unique(predictions.predicted)
    if len(predicted) == 1:
        label = predictions.taxonomy.labels[int(predicted[0])]
        notes.append(
            f"every one of {len(predictions):,} pictures is predicted as {label}: predictions cannot differ "
            "between slices, whatever the model does inside"
        )
    notes += group_notes(predictions.rows)
    if len(predictions.by_prompt) >= FEWEST:
        what = "runs" if all(name.startswith(RUN) for name in predictions.by_prompt) else "prompts"
        notes.append(
            f"answers are means over {len(predictions.by_prompt)} {what}: intervals and tests of skews and of model gaps "
            f"hold for other {what} of their kind too, those of the additional analyses for these {what}"
        )
    if predictions.truth is None:
        notes.append("no labels or votes: a skew cannot be split into label gap and model gap")
    else:
        unknown = int(np.isnan(predictions.truth[:, 0]).sum())
        if unknown:
            notes.append(
                f"{unknown:,} of {plural(len(predictions), 'picture')} "
                f"{'has' if unknown == 1 else 'have'} no label or votes: "
                "accuracy, label gap and "
                "model gap leave them out"
            )
    if other := _labels_against_votes(predictions):
        notes.append(
            "the truth is the votes (the columns vote_*), and the column 'label' is left aside, which says something else "
            f"than most votes of {plural(other, 'picture')}: leave the vote columns out of the table to have the labels as "
            "the truth"
        )
    notes += unmet_notes(predictions.predicted, predictions.truth, predictions.taxonomy)
    if predictions.has_votes and (off := _sums_off_one(predictions)):
        notes.append(f"votes of {plural(off, 'picture')} are shares that do not add up to 1: they are normalised")
    used = {VOTE_PREFIX + label for label in predictions.taxonomy.labels}
    stray = [name for name in predictions.rows if str(name).startswith(VOTE_PREFIX) and name not in used]
    if stray:
        notes.append(f"votes outside the taxonomy are ignored: {', '.join(map(str, stray))}")
    return notes


def label_notes(data: SlicedPredictions) -> list[str]:
    """A sentence about the attributes that follow from the label, whose slices a right model tells apart too.

    None with votes: what goes with most votes need not come from them.
    """
    true = data.true_codes
    if true is None or data.predictions.has_votes:
        return []
    found = [one.column for one in data.attributes if follows(one.codes, true)]
    if not found:
        return []
    what, it = ("follows", "it") if len(found) == 1 else ("follow", "them")
    return [
        f"{named(found, most=12)} {what} from the label (all pictures with one label have the same value): a skew by {it} "
        "cannot be told apart from the label's own"
    ]


def group_notes(rows: pd.DataFrame, *, numbers: bool = False) -> list[str]:
    """What the column `group_id` does to tests and intervals, of skews or of numbers, in a sentence; none without it."""
    if "group_id" not in rows:
        return []
    if group_codes(rows.drop(columns="pair_id", errors="ignore")) is None:
        return ["no two pictures share a group_id: every picture counts as independent"]
    what, fewest = ("outcomes", "four degrees of freedom") if numbers else ("skews", "10 groups")
    return [
        f"pictures come in {rows['group_id'].nunique():,} groups (group_id): tests and intervals of {what} account for the "
        f"similarity of pictures within a group; a slice or complement of fewer than {fewest} is too small"
    ]


def _labels_against_votes(predictions: Predictions) -> int:
    """Pictures whose column `label` names none of the labels with most votes; 0 without both."""
    truth, taxonomy = predictions.truth, predictions.taxonomy
    if truth is None or not predictions.has_votes or "label" not in predictions.rows:
        return 0
    label = predictions.rows["label"]
    positions = {word: taxonomy.codes([word])[0] for word in label.dropna().unique() if taxonomy.knows(word)}
    codes = np.array([positions.get(word, -1) for word in label], dtype=np.int64)
    most = truth[np.arange(len(codes)), codes] > truth.max(axis=1) - _TIE
    return int((label.notna() & np.isfinite(truth[:, 0]) & ((codes < 0) | ~most)).sum())


def _sums_off_one(predictions: Predictions) -> int:
    """Pictures whose votes look like shares (none above 1) and do not add up to 1; counts may add up to anything."""
    votes = predictions.rows[[VOTE_PREFIX + label for label in predictions.taxonomy.labels]].to_numpy(np.float64)
    votes = votes[np.isfinite(votes).all(axis=1) & (votes.sum(axis=1) > 0)]
    if not len(votes) or votes.max() > 1 or np.isin(votes, (0.0, 1.0)).all():
        return 0
    return int((np.abs(votes.sum(axis=1) - 1) > 0.02).sum())
