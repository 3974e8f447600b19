"""What did a model say of every picture, in one form for our probe and for anyone's model?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.arrays import Mask, Vectors
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.data.tables.magnitude import require_moderate
from affect_workbench.data.tables.read import named, with_ids
from affect_workbench.data.tables.splits import with_split_names
from affect_workbench.data.taxonomies.label_columns import (
    LabelColumns,
    endings,
    label_columns,
    label_matrix,
    other_models,
    require_column_each,
    with_vote_names,
)
from affect_workbench.data.taxonomies.label_identity import Counts, label_set
from affect_workbench.data.taxonomies.label_overlap import (
    kept_apart_notes,
    require_common,
    require_labels,
    respelt,
    spelling_notes,
    spellings,
)
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

Measure = Literal["cosine", "score", "label"]
SCORE_PREFIX = "score_"


@dataclass(frozen=True)
class Predictions:
    """Distances of `n` pictures to the `k` labels of a taxonomy. Smaller is closer, always; the nearest label is said.

    Attributes:
        distances: `(n, k)`; cosine distance 1 - cos (0 to 2), or 1 - score, or 0/1 where only labels are known.
        rows: one row a picture, unique `image_id`; truth in `label` or in `vote_<label>` columns; attributes.
        taxonomy: the `k` labels.
        measure: what the distances are: `cosine`, `score` or `label` (only the nearest label means anything).
        source: fingerprint of the probe, or the name of the table they came from.
        embeddings: `(n, m)` the pictures in the space the distances were measured in, or None.
        anchors: `(k, m)` the labels in that space, or None.
        notes: sentences about what was found wanting while reading.

    Raises:
        ValueError: shapes disagree, ids repeat, a distance is NaN or infinite, a label is outside the taxonomy.
    """

    distances: Vectors
    rows: pd.DataFrame
    taxonomy: Taxonomy
    measure: Measure = "cosine"
    source: str = ""
    embeddings: Vectors | None = None
    anchors: Vectors | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        expected = (len(self.rows), len(self.taxonomy))
        if self.distances.shape != expected:
            raise ValueError(f"distances have shape {self.distances.shape}: expected {expected} (pictures, labels)")
        if not len(self.rows):
            raise ValueError("predictions need at least one picture, got none")
        if self.embeddings is not None and len(self.embeddings) != len(self.rows):
            raise ValueError(f"{len(self.embeddings)} embeddings for {len(self.rows)} pictures")
        rows = with_vote_names(with_split_names(with_ids(self.rows, where="predictions")), self.taxonomy)
        object.__setattr__(self, "rows", rows)
        bad = ~np.isfinite(self.distances).all(axis=1)
        if bad.any():
            which = named(rows["image_id"].iloc[np.flatnonzero(bad)])
            raise ValueError(
                f"scores of {int(bad.sum())} picture(s) are NaN or infinite, first {which}: "
                "leave those rows out or predict them again"
            )
        require_moderate(self.distances, what="a score column")
        self.truth  # noqa: B018  validates labels and votes once, here

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def predicted(self) -> npt.NDArray[np.int64]:
        """Position of the nearest label `(n,)`; a tie goes to the label that comes first in the taxonomy."""
        return np.asarray(self.distances.argmin(axis=1), dtype=np.int64)

    @cached_property
    def truth(self) -> Vectors | None:
        """Share of votes for each label `(n, k)`, rows summing to 1; a hard label is one vote; NaN where unknown.

        None where no picture has a truth.
        """
        columns = [VOTE_PREFIX + label for label in self.taxonomy.labels]
        if all(name in self.rows for name in columns):
            votes = self.rows[columns].to_numpy(np.float64)
            if (votes < 0).any():
                negative = (votes < 0).any(axis=1)
                first = str(self.rows["image_id"].iloc[int(negative.argmax())])
                raise ValueError(
                    f"{int(negative.sum())} picture(s) have negative votes, first {first!r}: expected counts or shares"
                )
            require_moderate(votes, what="a vote column")
            totals = votes.sum(axis=1, keepdims=True)
            known = np.isfinite(totals[:, 0]) & (totals[:, 0] > 0)
            shares: Vectors = np.divide(votes, totals, where=known[:, None], out=np.full_like(votes, np.nan))
        elif "label" in self.rows:
            codes = self.taxonomy.codes(self.rows["label"])
            known = codes >= 0
            shares = np.where(known[:, None], np.eye(len(self.taxonomy))[codes], np.nan)
        else:
            return None
        return shares if known.any() else None

    @property
    def has_votes(self) -> bool:
        """Whether the truth is a vote distribution rather than one label a picture."""
        return all(VOTE_PREFIX + label in self.rows for label in self.taxonomy.labels)

    def with_rows(self, rows: pd.DataFrame, *, notes: tuple[str, ...] = ()) -> Predictions:
        """The same predictions with other columns beside them; ids and order must stay.

        Raises:
            ValueError: the ids differ.
        """
        if list(rows["image_id"].astype(str)) != list(self.rows["image_id"]):
            raise ValueError("the new rows name other pictures, or name them in another order")
        return self._replaced(self.distances, rows, self.embeddings, self.notes + notes)

    def take(self, mask: Mask) -> Predictions:
        """The pictures where `mask (n,)` is true."""
        embeddings = None if self.embeddings is None else self.embeddings[mask]
        return self._replaced(self.distances[mask], self.rows[mask], embeddings, self.notes)

    def _replaced(
        self, distances: Vectors, rows: pd.DataFrame, embeddings: Vectors | None, notes: tuple[str, ...]
    ) -> Predictions:
        return Predictions(distances, rows, self.taxonomy, self.measure, self.source, embeddings, self.anchors, notes)

    def as_in(self, taxonomy: Taxonomy) -> Predictions:
        """The same predictions with the labels as this taxonomy spells and orders them; as they are where labels differ."""
        own = [self.taxonomy.resolve(label) for label in taxonomy.labels if self.taxonomy.knows(label)]
        same = len(own) == len(taxonomy) and sorted(own) == sorted(self.taxonomy.labels)
        if not same or taxonomy.labels == self.taxonomy.labels:
            return self
        at = [self.taxonomy.labels.index(label) for label in own]
        anchors = None if self.anchors is None else self.anchors[at]
        return replace(self, distances=self.distances[:, at], taxonomy=taxonomy, anchors=anchors)

    def table(self) -> pd.DataFrame:
        """A plain table that `predictions_from_table` reads back: rows, `predicted`, and a `score_<label>` column each."""
        labels = np.asarray(self.taxonomy.labels, dtype=object)
        scores = pd.DataFrame(
            1.0 - self.distances.astype(np.float64), columns=[SCORE_PREFIX + label for label in self.taxonomy.labels]
        )
        return pd.concat([self.rows, pd.Series(labels[self.predicted], name="predicted"), scores], axis=1)


def predictions_from_table(
    table: pd.DataFrame,
    *,
    scores_prefix: str | None = None,
    votes_prefix: str | None = None,
    taxonomy: Taxonomy | None = None,
    source: str = "table",
) -> Predictions:
    """Predictions of any model from a plain table with `image_id`.

    Labels meet by `data.taxonomies.label_identity` and are shown as the truth spells them, else as `taxonomy`, the score
    columns or the predictions do.

    Args:
        table: `image_id`, and either `predicted` or one score column a label; optionally `label` or one vote column a
            label; every other column is an attribute, except the score columns of other models that share a suffix, and
            score columns that name no label (see `data.taxonomies.label_columns`).
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
        raise ValueError(
            "the table has no predictions: expected a column 'predicted', or one score column per label (--scores-prefix), "
            "or the name of a number to compare between slices (--outcomes); its columns: "
            f"{', '.join(map(str, rows.columns[:12]))}"
        )
    if votes.of:
        columns.pop("label", None)  # beside votes it may be about something else
    for name, seen in columns.items():
        require_labels(name, seen)
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
            f"{len(others)} column(s) that start like a score or a vote and name no label are ignored: "
            f"{named(others, most=12)}; where one is a label, name the labels with --taxonomy"
        )
    if "label" in columns:
        labels = np.array([*chosen.labels, None], dtype=object)[chosen.codes(rows["label"])]
        rows = rows.assign(label=pd.Series(labels.tolist(), index=rows.index))
    used = ["predicted", *scores.of.values(), *others]
    if scores.of:
        strangers = other_models(rows, scores.of)
        used += strangers
        if strangers:
            read.insert(0, f"{len(strangers)} score column(s) of other models are ignored, first {named(strangers)}")
    return Predictions(
        distances, rows.drop(columns=used, errors="ignore"), chosen, measure, source, notes=tuple(notes + read)
    )


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
    """The labels that a table of predictions speaks of: in `predicted` and `label`, and in the names of its scores."""
    seen = [name for counts in _labels_seen(table).values() for name in counts]
    return list(dict.fromkeys([*seen, *endings(table, scores_prefix or SCORE_PREFIX)]))


def _labels_seen(rows: pd.DataFrame) -> dict[str, Counts]:
    """`label` and `predicted`, where there are such columns, with the spellings in them."""
    there = [name for name in ("label", "predicted") if name in rows]
    numbers = all(pd.api.types.is_numeric_dtype(rows[name]) for name in there)
    return {name: spellings(rows[name], as_numbers=numbers) for name in there}


def _taxonomy_of(rows: pd.DataFrame, columns: dict[str, Counts]) -> Taxonomy:
    """The labels that the columns speak of: those of the scores where there are some, of the votes, or all that are seen.

    Raises:
        ValueError: the true and the predicted ones have none in common.
    """
    true = "votes" if "votes" in columns else "label"
    said = "scores" if "scores" in columns else "predicted"
    truth, predicted = columns.get(true, {}), columns[said]
    both = [rows[name].notna() for name in (true, said) if name in rows]
    pictures = int(np.logical_and.reduce(both).sum()) if both else len(rows)
    require_common(truth, predicted, pictures=pictures, names=(true, said))
    if said == "scores" or true == "votes":
        own = Taxonomy.spelt_as(label_set(predicted if said == "scores" else truth).values())
        return respelt(respelt(own, columns.get("predicted", {})), truth)
    return Taxonomy.spelt_as(sorted(label_set(truth, predicted).values()))


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
            f"{int((codes < 0).sum())} row(s) have no prediction, first {named(rows['image_id'][codes < 0])}: "
            "leave those rows out or predict them again"
        )
    return 1.0 - np.eye(len(taxonomy))[codes], "label", []


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
        notes.append(f"{int(without.sum())} picture(s) have no votes, first {named(rows['image_id'][without])}: no truth")
    return pd.concat([rows.drop(columns=list(votes.values())), shares], axis=1), notes


def _tie_notes(distances: Vectors) -> list[str]:
    tied = int(((distances == distances.min(axis=1, keepdims=True)).sum(axis=1) > 1).sum())
    return [f"{tied} picture(s) have a tie for the top score: the label first in the taxonomy is taken"] if tied else []


def _disagreement_notes(said: npt.NDArray[np.int64], distances: Vectors) -> list[str]:
    differing = int((said != distances.argmin(axis=1)).sum())
    if not differing:
        return []
    return [f"in {differing} row(s) the column 'predicted' is not the top score: the top score is used"]
