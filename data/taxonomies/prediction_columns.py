"""What does a plain table say of every picture: which label, by which scores, and which is true?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.arrays import Codes, Vectors
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.columns import SCORE_PREFIX, VOTE_PREFIX
from affect_workbench.data.tables.read import named, with_ids
from affect_workbench.data.taxonomies.frame_columns import likely_column
from affect_workbench.data.taxonomies.label_columns import (
    LabelColumns,
    endings,
    label_columns,
    label_matrix,
    other_models,
    require_column_each,
)
from affect_workbench.data.taxonomies.label_identity import Counts, label_set
from affect_workbench.data.taxonomies.label_overlap import (
    kept_apart_notes,
    never_meet,
    require_common,
    require_labels,
    respelt,
    spelling_notes,
    spellings,
)
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

Measure = Literal["cosine", "score", "label"]


@dataclass(frozen=True)
class PredictionColumns:
    """The columns of a table, each for what it is; the fields are those of `data.predictions.Predictions`.

    Attributes:
        distances: `(n, k)`; 1 - score, or 0/1 where only labels are predicted.
        rows: without the columns of predictions; labels and votes as the taxonomy spells them.
        taxonomy: the `k` labels.
        measure: `score` or `label`.
        notes: sentences about what was found wanting.
        answered: `(n,)` what the model itself answered, -1 where it gave none of the labels; None without such a column.
    """

    distances: Vectors
    rows: pd.DataFrame
    taxonomy: Taxonomy
    measure: Measure
    notes: tuple[str, ...]
    answered: Codes | None = None


def read_predictions(
    table: pd.DataFrame,
    *,
    scores_prefix: str | None = None,
    votes_prefix: str | None = None,
    taxonomy: Taxonomy | None = None,
    source: str = "table",
) -> PredictionColumns:
    """What a plain table with `image_id` says of every picture, whoever's model it is.

    Labels meet by `data.taxonomies.label_identity` and are shown as the truth spells them, else as `taxonomy`, the score
    columns or the predictions do.

    Args:
        table: `image_id`, and either `predicted` or one score column a label; optionally `label` or one vote column a
            label; optionally `answered`, what the model itself answered where these predictions stand in for it (empty:
            none of the labels); every other column is an attribute, except the score columns of other models that share a
            suffix, and score columns that name no label (see `data.taxonomies.label_columns`).
        scores_prefix: what the score columns start with; larger scores are nearer. `score_` is tried by itself.
        votes_prefix: what the vote columns start with. `vote_` is tried by itself.
        taxonomy: the labels; without it they are taken from the columns or values.
        source: where the table came from, for the record.

    Raises:
        ValueError: neither predictions nor scores, missing predictions, a label outside the taxonomy, or labels and
            predictions that never meet (see `data.taxonomies.label_overlap`).
    """
    rows = with_ids(table, where=source)
    columns = _labels_seen(rows)
    expected = list(taxonomy.labels) if taxonomy is not None else [name for seen in columns.values() for name in seen]
    votes = label_columns(
        rows,
        asked=votes_prefix,
        usual=VOTE_PREFIX,
        taxonomy=taxonomy,
        option="--votes-prefix",
        expected=expected or endings(rows, scores_prefix or SCORE_PREFIX),
    )
    scores = label_columns(
        rows,
        asked=scores_prefix,
        usual=SCORE_PREFIX,
        taxonomy=taxonomy,
        option="--scores-prefix",
        expected=[*expected, *votes.of],
    )
    if not scores.of and "predicted" not in rows:
        likely = likely_column(rows, "predicted")
        hint = (
            f"column {likely!r} may hold them: rename it to 'predicted' (in Python, predicted={likely!r}); "
            if likely
            else ""
        )
        raise ValueError(
            f"the table has no predictions: {hint}expected a column 'predicted', or one score column per label "
            "(--scores-prefix), or the name of a number to compare between slices (--outcomes); its columns: "
            f"{', '.join(map(str, rows.columns[:12]))}"
        )
    if votes.of:
        columns.pop("label", None)  # beside votes it may be about something else
    apart = never_meet(columns.get("label", {}), columns.get("predicted", {}))
    for name, seen in columns.items():
        require_labels(name, seen, apart=apart)
    columns |= {what: dict.fromkeys(one.of, len(rows)) for what, one in (("votes", votes), ("scores", scores)) if one.of}
    chosen = taxonomy or _taxonomy_of(rows, columns)
    if taxonomy is None and (votes.of or scores.of):
        for name in [name for name in ("label", "predicted") if name in columns]:
            require_column_each(columns[name], chosen, scores if scores.of else votes, where=name, votes=not scores.of)
    notes = [*spelling_notes(columns, chosen), *kept_apart_notes(columns, chosen)]
    rows, vote_notes = _with_votes(rows, votes.of, chosen)
    notes += vote_notes
    distances, measure, read = _distances(rows, scores, chosen)
    others = [*scores.aside, *(column for column in votes.aside if not column.startswith(VOTE_PREFIX))]
    if others:
        notes.append(
            f"{plural(len(others), 'column is', 'columns are')} ignored, named like a score or a vote but after no label: "
            f"{named(others, most=12)}; where one is a label, name the labels with --taxonomy"
        )
    if "label" in columns:
        labels = np.array([*chosen.labels, None], dtype=object)[chosen.codes(rows["label"])]
        rows = rows.assign(label=pd.Series(labels.tolist(), index=rows.index))
    answered, answer_notes = _answered(rows, chosen)
    notes += answer_notes
    used = ["predicted", "answered", *scores.of.values(), *others]
    if scores.of:
        strangers = other_models(rows, scores.of)
        used += strangers
        if strangers:
            ignored = plural(len(strangers), "score column of another model is", "score columns of other models are")
            read.insert(0, f"{ignored} ignored, first {named(strangers)}")
    kept = rows.drop(columns=used, errors="ignore")
    return PredictionColumns(distances, kept, chosen, measure, tuple(notes + read), answered)


def with_votes(rows: pd.DataFrame, taxonomy: Taxonomy, *, votes_prefix: str | None = None) -> tuple[pd.DataFrame, list[str]]:
    """The rows with their vote columns named after the labels that they stand for, and what was found wanting.

    Raises:
        ValueError: no column starts with the prefix that was asked for, or a label has none, or two.
    """
    votes = label_columns(
        rows, asked=votes_prefix, usual=VOTE_PREFIX, taxonomy=taxonomy, option="--votes-prefix", expected=taxonomy.labels
    )
    return _with_votes(rows, votes.of, taxonomy)


def labels_named(table: pd.DataFrame, *, scores_prefix: str | None = None) -> list[str]:
    """The labels that a table of predictions speaks of: in its columns of labels, and in the names of its scores."""
    seen = [name for counts in _labels_seen(table).values() for name in counts]
    return list(dict.fromkeys([*seen, *endings(table, scores_prefix or SCORE_PREFIX)]))


def _labels_seen(rows: pd.DataFrame) -> dict[str, Counts]:
    """`label`, `predicted` and `answered`, where there are such columns, with the spellings in them."""
    there = [name for name in ("label", "predicted", "answered") if name in rows]
    numbers = all(pd.api.types.is_numeric_dtype(rows[name]) for name in there)
    return {name: spellings(rows[name], as_numbers=numbers) for name in there}


def _taxonomy_of(rows: pd.DataFrame, columns: dict[str, Counts]) -> Taxonomy:
    """The labels that the columns speak of: those of the scores where there are some, of the votes, or all that are seen.

    Raises:
        ValueError: the true and the predicted ones have none in common, or there are fewer than two.
    """
    true = "votes" if "votes" in columns else "label"
    said = "scores" if "scores" in columns else "predicted"
    truth, predicted = columns.get(true, {}), columns[said]
    both = [rows[name].notna() for name in (true, said) if name in rows]
    pictures = int(np.logical_and.reduce(both).sum()) if both else len(rows)
    require_common(truth, predicted, pictures=pictures, names=(true, said))
    labels = label_set(truth, predicted, columns.get("answered", {})).values()
    if len(labels) < 2:
        found = f"one label only ({named(labels)})" if labels else "no label"
        raise ValueError(
            f"the table has {found}: expected at least two; where the others are merely not in it, name all with --taxonomy"
        )
    if said == "scores" or true == "votes":
        own = Taxonomy.spelt_as(label_set(predicted if said == "scores" else truth).values())
        return respelt(respelt(own, columns.get("predicted", {})), truth)
    return Taxonomy.spelt_as(sorted(labels))


def _distances(rows: pd.DataFrame, scores: LabelColumns, taxonomy: Taxonomy) -> tuple[Vectors, Measure, list[str]]:
    """Distances `(n, k)` from the scores, else from the labels that are predicted; what they are, and what was wanting."""
    if scores.of:
        distances = 1.0 - label_matrix(rows, scores.of, taxonomy, what="score")
        notes = _tie_notes(distances)
        if "predicted" in rows:
            notes += _disagreement_notes(taxonomy.codes(rows["predicted"]), distances)
        return distances, "score", notes
    codes = taxonomy.codes(rows["predicted"])
    if (codes < 0).any():
        raise ValueError(
            f"{plural(int((codes < 0).sum()), 'row has', 'rows have')} no prediction, "
            f"first {named(rows['image_id'][codes < 0])}: "
            "leave those rows out or predict them again"
        )
    return 1.0 - np.eye(len(taxonomy))[codes], "label", []


def _answered(rows: pd.DataFrame, taxonomy: Taxonomy) -> tuple[Codes | None, list[str]]:
    """What the model itself answered `(n,)`, -1 where nothing is given; None without a column of answers or any in it."""
    if "answered" not in rows:
        return None, []
    try:
        codes = taxonomy.codes(rows["answered"])
    except ValueError as error:
        raise ValueError(
            f"column 'answered' (what the model itself answered, where the predictions stand in for it): {error}; rename "
            "the column where it is something else"
        ) from error
    if (codes < 0).all():
        return None, ["the column 'answered' is empty: whether the predictions stand in for a model is not examined"]
    return codes, []


def _with_votes(rows: pd.DataFrame, votes: dict[str, str], taxonomy: Taxonomy) -> tuple[pd.DataFrame, list[str]]:
    if not votes:
        return rows, []
    notes: list[str] = []
    inside: dict[str, str] = {}
    for label, column in votes.items():
        try:
            inside[taxonomy.resolve(label)] = column
        except ValueError:
            share = pd.to_numeric(rows[column], errors="coerce").mean()
            notes.append(f"votes for {label!r} (mean {share:.3g}) are outside the labels of the scores and are ignored")
    shares = pd.DataFrame(
        label_matrix(rows, inside, taxonomy, what="vote"), columns=[VOTE_PREFIX + label for label in taxonomy.labels]
    )
    without = shares.isna().any(axis=1) | (shares.sum(axis=1) <= 0)
    if without.any():
        notes.append(
            f"{plural(int(without.sum()), 'picture has', 'pictures have')} no "
            f"votes, first {named(rows['image_id'][without])}: no truth"
        )
    return pd.concat([rows.drop(columns=list(votes.values())), shares], axis=1), notes


def _tie_notes(distances: Vectors) -> list[str]:
    tied = int(((distances == distances.min(axis=1, keepdims=True)).sum(axis=1) > 1).sum())
    return (
        [f"{plural(tied, 'picture has', 'pictures have')} a tie for the top score: the label first in the taxonomy is taken"]
        if tied
        else []
    )


def _disagreement_notes(said: npt.NDArray[np.int64], distances: Vectors) -> list[str]:
    differing = int((said != distances.argmin(axis=1)).sum())
    if not differing:
        return []
    return [f"in {plural(differing, 'row')} the column 'predicted' is not the top score: the top score is used"]
