"""What did a model say of every picture, in one form for our probe and for anyone's model?"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.features import VOTE_PREFIX
from data.magnitude import require_moderate
from data.tables import named, with_ids
from data.taxonomy import Taxonomy

Measure = Literal["cosine", "score", "label"]
Floats = npt.NDArray[np.floating]
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

    distances: Floats
    rows: pd.DataFrame
    taxonomy: Taxonomy
    measure: Measure = "cosine"
    source: str = ""
    embeddings: Floats | None = None
    anchors: Floats | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        expected = (len(self.rows), len(self.taxonomy))
        if self.distances.shape != expected:
            raise ValueError(f"distances have shape {self.distances.shape}: expected {expected} (pictures, labels)")
        if not len(self.rows):
            raise ValueError("predictions need at least one picture, got none")
        if self.embeddings is not None and len(self.embeddings) != len(self.rows):
            raise ValueError(f"{len(self.embeddings)} embeddings for {len(self.rows)} pictures")
        rows = with_ids(self.rows, where="predictions")
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
    def truth(self) -> Floats | None:
        """Share of votes for each label `(n, k)`, rows summing to 1; a hard label is one vote; NaN where unknown.

        None where no picture has a truth.
        """
        columns = [VOTE_PREFIX + label for label in self.taxonomy.labels]
        if all(name in self.rows for name in columns):
            votes = self.rows[columns].to_numpy(np.float64)
            if (votes < 0).any():
                raise ValueError(f"{int((votes < 0).any(axis=1).sum())} picture(s) have negative votes")
            require_moderate(votes, what="a vote column")
            totals = votes.sum(axis=1, keepdims=True)
            known = np.isfinite(totals[:, 0]) & (totals[:, 0] > 0)
            shares: Floats = np.divide(votes, totals, where=known[:, None], out=np.full_like(votes, np.nan))
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

    def take(self, mask: npt.NDArray[np.bool_]) -> Predictions:
        """The pictures where `mask (n,)` is true."""
        embeddings = None if self.embeddings is None else self.embeddings[mask]
        return self._replaced(self.distances[mask], self.rows[mask], embeddings, self.notes)

    def _replaced(
        self, distances: Floats, rows: pd.DataFrame, embeddings: Floats | None, notes: tuple[str, ...]
    ) -> Predictions:
        return Predictions(distances, rows, self.taxonomy, self.measure, self.source, embeddings, self.anchors, notes)

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

    Args:
        table: `image_id`, and either `predicted` or one score column a label; optionally `label` or one vote column a
            label; every other column is an attribute, except the score columns of other models that share a suffix.
        scores_prefix: what the score columns start with; larger scores are nearer. `score_` is tried by itself.
        votes_prefix: what the vote columns start with. `vote_` is tried by itself.
        taxonomy: the labels; without it they are taken from the columns or values.
        source: where the table came from, for the record.

    Raises:
        ValueError: neither predictions nor scores, missing predictions, or a label outside the taxonomy.
    """
    rows = with_ids(table, where=source)
    expected = list(taxonomy.labels) if taxonomy is not None else _labels_seen(rows)
    scores = _prefixed(rows, scores_prefix, SCORE_PREFIX, taxonomy, expected, option="--scores-prefix")
    votes = _prefixed(rows, votes_prefix, VOTE_PREFIX, taxonomy, expected or list(scores), option="--votes-prefix")
    if not scores and "predicted" not in rows:
        raise ValueError(
            "the table has no predictions: expected a column 'predicted', or one score column a label "
            f"(--scores-prefix); its columns: {', '.join(map(str, rows.columns[:12]))}"
        )
    notes: list[str] = []
    if taxonomy is None:
        taxonomy = Taxonomy.from_labels(list(scores or votes) or expected)
    rows, vote_notes = _with_votes(rows, votes, taxonomy)
    notes += vote_notes
    if scores:
        distances = 1.0 - _label_matrix(rows, scores, taxonomy, what="score")
        others = _scores_of_other_models(rows, scores)
        if others:
            notes.append(f"{len(others)} score column(s) of other models are left aside, first {named(others)}")
        rows = rows.drop(columns=[*scores.values(), *others])
        measure: Measure = "score"
        notes += _tie_notes(distances)
        if "predicted" in rows:
            said = taxonomy.codes(rows["predicted"])
            notes += _disagreement_notes(said, distances)
    else:
        codes = taxonomy.codes(rows["predicted"])
        if (codes < 0).any():
            raise ValueError(
                f"{int((codes < 0).sum())} row(s) have no prediction, first {named(rows['image_id'][codes < 0])}: "
                "leave those rows out or predict them again"
            )
        distances = 1.0 - np.eye(len(taxonomy))[codes]
        measure = "label"
    return Predictions(
        distances, rows.drop(columns="predicted", errors="ignore"), taxonomy, measure, source, notes=tuple(notes)
    )


def _prefixed(
    rows: pd.DataFrame, prefix: str | None, usual: str, taxonomy: Taxonomy | None, expected: list[str], *, option: str
) -> dict[str, str]:
    """Label -> column for the columns that start with the prefix.

    Of columns with the usual prefix, which nobody asked for, those count that name an expected label (any two where none
    is known): a lone `score_text` is somebody's attribute.
    """
    wanted = usual if prefix is None else prefix
    found = {str(name)[len(wanted) :]: str(name) for name in rows.columns if str(name).startswith(wanted) and name != wanted}
    if prefix is not None:
        if not found:
            raise ValueError(
                f"no column starts with {prefix!r} ({option}); the columns are {', '.join(map(str, rows.columns[:12]))}"
            )
        return found
    if taxonomy is not None:
        return {label: column for label, column in found.items() if taxonomy.knows(label)}
    seen = {label.strip().casefold() for label in expected}
    usable = len(found) >= 2 and (not seen or any(label.strip().casefold() in seen for label in found))
    return found if usable else {}


def _labels_seen(rows: pd.DataFrame) -> list[str]:
    """The different labels in `predicted` and `label`, sorted."""
    columns = [rows[name] for name in ("predicted", "label") if name in rows]
    return sorted(pd.concat(columns).dropna().astype(str).unique()) if columns else []


def _label_matrix(rows: pd.DataFrame, columns: dict[str, str], taxonomy: Taxonomy, *, what: str) -> Floats:
    """The columns as `(n, k)` in the taxonomy's order."""
    owner: dict[str, str] = {}
    for label, column in columns.items():
        if owner.setdefault(taxonomy.resolve(label), column) != column:
            raise ValueError(
                f"two {what} columns stand for {taxonomy.resolve(label)!r}: {owner[taxonomy.resolve(label)]}, {column}"
            )
    missing = [label for label in taxonomy.labels if label not in owner]
    if missing:
        raise ValueError(
            f"no {what} column for the label(s) {', '.join(missing)} of taxonomy {taxonomy.name!r}: one a label is expected"
        )
    numbers = rows[[owner[label] for label in taxonomy.labels]].apply(pd.to_numeric, errors="coerce")
    return np.asarray(numbers, dtype=np.float64)


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
            notes.append(f"votes for {label!r} (mean {share:.3g}) are outside the labels of the scores and are left aside")
    shares = pd.DataFrame(
        _label_matrix(rows, inside, taxonomy, what="vote"), columns=[VOTE_PREFIX + label for label in taxonomy.labels]
    )
    without = shares.isna().any(axis=1) | (shares.sum(axis=1) <= 0)
    if without.any():
        notes.append(f"{int(without.sum())} picture(s) have no votes, first {named(rows['image_id'][without])}: no truth")
    return pd.concat([rows.drop(columns=list(votes.values())), shares], axis=1), notes


def _scores_of_other_models(rows: pd.DataFrame, scores: dict[str, str]) -> list[str]:
    """Columns of another model: the same label endings under one other prefix, for every label."""
    used = set(scores.values())
    prefixes: dict[str, list[str]] = {}
    for column in map(str, rows.columns):
        for label in scores:
            if column.endswith(label) and column not in used and not column.startswith(VOTE_PREFIX):
                prefixes.setdefault(column.removesuffix(label), []).append(column)
    return [column for columns in prefixes.values() if len(columns) == len(scores) for column in columns]


def _tie_notes(distances: Floats) -> list[str]:
    tied = int(((distances == distances.min(axis=1, keepdims=True)).sum(axis=1) > 1).sum())
    return [f"{tied} picture(s) have a tie for the top score: the label first in the taxonomy is taken"] if tied else []


def _disagreement_notes(said: npt.NDArray[np.int64], distances: Floats) -> list[str]:
    differing = int((said != distances.argmin(axis=1)).sum())
    if not differing:
        return []
    return [f"in {differing} row(s) the column 'predicted' is not the top score: the top score is used"]
