"""What did a model say of every picture, in one form for our probe and for anyone's model?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.arrays import Codes, Mask, Vectors
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.columns import PROMPT_PREFIX, SCORE_PREFIX, VOTE_PREFIX, attribute_columns
from affect_workbench.data.tables.magnitude import require_moderate
from affect_workbench.data.tables.read import named, with_ids
from affect_workbench.data.tables.splits import with_split_names
from affect_workbench.data.taxonomies.files import taxonomy_called
from affect_workbench.data.taxonomies.frame_columns import as_our_columns, likely_column
from affect_workbench.data.taxonomies.label_columns import with_vote_names
from affect_workbench.data.taxonomies.prediction_columns import Measure, read_predictions
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.keywords import in_python, python_errors


@dataclass(frozen=True, repr=False)
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
        answered: `(n,)` position of the label that a model itself answered, -1 where it gave none of them, where these
            predictions are of a probe that stands in for that model; None where they stand for themselves.

    Raises:
        ValueError: shapes disagree, ids repeat, a distance is NaN or infinite, a label or an answer is outside the taxonomy.
    """

    distances: Vectors
    rows: pd.DataFrame
    taxonomy: Taxonomy
    measure: Measure = "cosine"
    source: str = ""
    embeddings: Vectors | None = None
    anchors: Vectors | None = None
    notes: tuple[str, ...] = field(default=())
    answered: Codes | None = None

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
                f"scores of {plural(int(bad.sum()), 'picture')} are NaN or infinite, first {which}: "
                "leave those rows out or predict them again"
            )
        require_moderate(self.distances, what="a score column")
        if self.answered is not None:
            object.__setattr__(self, "answered", self._checked_answers(self.answered))
        self.truth  # noqa: B018  validates labels and votes once, here
        self.by_prompt  # noqa: B018  and so the answers to single prompts

    def _checked_answers(self, answered: Codes) -> Codes:
        if answered.shape != (len(self.rows),) or not np.issubdtype(answered.dtype, np.integer):
            raise ValueError(
                f"answers have shape {answered.shape} and type {answered.dtype}: expected one whole number per picture, "
                f"({len(self.rows)},)"
            )
        if answered.min() < -1 or answered.max() >= len(self.taxonomy):
            raise ValueError(
                f"answers are positions from {answered.min()} to {answered.max()}: expected 0 to {len(self.taxonomy) - 1}, "
                "or -1 for none of the labels"
            )
        return answered.astype(np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        truth = "votes" if self.has_votes else "labels" if self.truth is not None else "no truth"
        attributes = named(attribute_columns(self.rows), most=6) or "none"
        return (
            f"<Predictions of {len(self):,} pictures by {self.measure}, {len(self.taxonomy)} labels ({self.taxonomy.name}), "
            f"{truth}; attributes: {attributes}>"
        )

    @cached_property
    def predicted(self) -> npt.NDArray[np.int64]:
        """Position of the nearest label `(n,)`; a tie goes to the label that comes first in the taxonomy."""
        return np.asarray(self.distances.argmin(axis=1), dtype=np.int64)

    @cached_property
    def truth(self) -> Vectors | None:
        """Share of votes for each label `(n, k)`, rows summing to 1; a hard label is one vote; NaN where unknown.

        None where no picture has a truth.

        Raises:
            ValueError: a vote is negative or too large, or a label is outside the taxonomy.
        """
        columns = [VOTE_PREFIX + label for label in self.taxonomy.labels]
        if all(name in self.rows for name in columns):
            votes = self.rows[columns].to_numpy(np.float64)
            if (votes < 0).any():
                negative = (votes < 0).any(axis=1)
                first = str(self.rows["image_id"].iloc[int(negative.argmax())])
                raise ValueError(
                    f"{plural(int(negative.sum()), 'picture has', 'pictures have')} "
                    f"negative votes, first {first!r}: expected counts or shares"
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

    @cached_property
    def by_prompt(self) -> dict[str, npt.NDArray[np.int64]]:
        """What was answered to each prompt alone: name -> position of the label `(n,)`, -1 for no answer.

        From the columns `prompt_<name>`; empty where nothing was asked in words.

        Raises:
            ValueError: such a column holds something that is no label.
        """
        found = {}
        for name in (str(name) for name in self.rows if str(name).startswith(PROMPT_PREFIX)):
            try:
                found[name.removeprefix(PROMPT_PREFIX)] = self.taxonomy.codes(self.rows[name])
            except ValueError as error:
                raise ValueError(
                    f"column {name!r}: {error}; columns that start with {PROMPT_PREFIX!r} hold what was predicted for one "
                    "prompt: rename an attribute that is called so"
                ) from error
        return found

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
        return replace(self, rows=rows, notes=self.notes + notes)

    def take(self, mask: Mask) -> Predictions:
        """The pictures where `mask (n,)` is true."""
        embeddings = None if self.embeddings is None else self.embeddings[mask]
        answered = None if self.answered is None else self.answered[mask]
        return replace(self, distances=self.distances[mask], rows=self.rows[mask], embeddings=embeddings, answered=answered)

    def as_in(self, taxonomy: Taxonomy) -> Predictions:
        """The same predictions with the labels as this taxonomy spells and orders them; as they are where labels differ."""
        own = [self.taxonomy.resolve(label) for label in taxonomy.labels if self.taxonomy.knows(label)]
        same = len(own) == len(taxonomy) and sorted(own) == sorted(self.taxonomy.labels)
        if not same or taxonomy.labels == self.taxonomy.labels:
            return self
        at = [self.taxonomy.labels.index(label) for label in own]
        anchors = None if self.anchors is None else self.anchors[at]
        place = np.append(np.argsort(at), -1)  # of each own label, and of "none"
        answered = None if self.answered is None else place[self.answered]
        return replace(self, distances=self.distances[:, at], taxonomy=taxonomy, anchors=anchors, answered=answered)

    @classmethod
    @python_errors()
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        label: str | None = None,
        predicted: str | None = None,
        scores: str | Mapping[str, str] | None = None,
        votes: str | Mapping[str, str] | None = None,
        image_id: str | None = None,
        taxonomy: Taxonomy | str | Sequence[str] | None = None,
    ) -> Predictions:
        """Predictions of any model from a data frame, one row a picture; columns that are not named are found.

        Args:
            frame: `n` rows. Columns that are neither named here nor core (`split`, `path`, `group_id`, `pair_id`, ...) are
                attributes.
            label: the column of true labels; `label` is found by itself.
            predicted: the column of predicted labels; `predicted` is found by itself.
            scores: the columns of scores, one a label, larger is nearer: a pattern such as `"score_*"` or `"*_prob"` in
                which the star stands for the label, or label -> column. `"score_*"` is found by itself.
            votes: the columns of votes (counts or shares), likewise. `"vote_*"` is found by itself.
            image_id: the column of ids; else `image_id`, `id`, or the labels of the frame's index.
            taxonomy: the `k` labels: a `Taxonomy`, the name of a built-in one (`"ekman6"`), a `.toml` file, or the labels;
                else those of the columns, or of the values in them.

        Raises:
            TypeError: no data frame, a name that is no name, or a pattern that is none.
            FileNotFoundError: no such taxonomy file.
            ValueError: no row, one label only, no such column, neither predictions nor scores, missing predictions,
                repeated ids, a label outside the taxonomy, labels and predictions that never meet, or a named column of
                predictions that contradicts the scores.

        Example:
            >>> frame = pd.DataFrame({"truth": ["joy", "anger"], "guess": ["joy", "joy"], "tone": ["dark", "light"]})
            >>> len(Predictions.from_frame(frame, label="truth", predicted="guess"))
            2
        """
        columns = as_our_columns(
            frame, {"image_id": image_id, "label": label, "predicted": predicted}, {"scores": scores, "votes": votes}
        )
        if taxonomy is None:  # all columns that are named are labels
            taxonomy = next((list(one) for one in (scores, votes) if isinstance(one, Mapping)), None)
        silent = "predicted" not in columns.rows and not any(
            name.startswith(SCORE_PREFIX) for name in map(str, columns.rows)
        )
        if silent and (likely := likely_column(columns.rows, "predicted")):
            raise ValueError(
                f"no column 'predicted' and no scores: did you mean predicted={likely!r}? Or rename it to 'predicted'"
            )
        made = predictions_from_table(
            columns.rows,
            scores_prefix=columns.prefixes["scores"],
            votes_prefix=columns.prefixes["votes"],
            taxonomy=taxonomy_of(taxonomy),
            source="data frame",
            notes=columns.notes,
        )
        if predicted is not None and made.measure == "score":
            _require_top_score(made, made.taxonomy.codes(columns.rows["predicted"]), column=predicted)
        notes = tuple(map(in_python, made.notes))
        return made if notes == made.notes else replace(made, notes=notes)

    def table(self) -> pd.DataFrame:
        """A plain table that `from_frame` reads back: rows, `predicted`, `answered` where known, a `score_<label>` each."""
        labels = np.asarray(self.taxonomy.labels, dtype=object)
        scores = pd.DataFrame(
            1.0 - self.distances.astype(np.float64), columns=[SCORE_PREFIX + label for label in self.taxonomy.labels]
        )
        columns = [pd.Series(labels[self.predicted], name="predicted")]
        if self.answered is not None:
            columns.append(pd.Series(np.array([*labels, None], dtype=object)[self.answered], name="answered"))
        rows = self.rows if self.answered is None else self.rows.drop(columns="answered", errors="ignore")
        return pd.concat([rows, *columns, scores], axis=1)


def predictions_from_table(
    table: pd.DataFrame,
    *,
    scores_prefix: str | None = None,
    votes_prefix: str | None = None,
    taxonomy: Taxonomy | None = None,
    source: str = "table",
    notes: tuple[str, ...] = (),
) -> Predictions:
    """Predictions of any model from a plain table with `image_id`, as the command line names its columns.

    Args:
        table: see `data.taxonomies.prediction_columns.read_predictions`, also for the next three.
        scores_prefix: what the score columns start with.
        votes_prefix: what the vote columns start with.
        taxonomy: the labels.
        source: where the table came from, for the record.
        notes: what was found wanting before.

    Raises:
        ValueError: see `read_predictions`.
    """
    read = read_predictions(table, scores_prefix=scores_prefix, votes_prefix=votes_prefix, taxonomy=taxonomy, source=source)
    return Predictions(
        read.distances, read.rows, read.taxonomy, read.measure, source, notes=(*notes, *read.notes), answered=read.answered
    )


def _require_top_score(made: Predictions, said: Codes, *, column: str) -> None:
    """Refuses a named column of predictions `(n,)` (-1 where empty) that the scores contradict; a tie is no contradiction.

    Raises:
        ValueError: in how many pictures, and the first.
    """
    own = made.distances[np.arange(len(made)), said]
    apart = (said >= 0) & (own > made.distances.min(axis=1))
    if apart.any():
        first = int(apart.argmax())
        raise ValueError(
            f"predicted={column!r} contradicts the scores in {int(apart.sum()):,} of {plural(len(made), 'picture')}, first "
            f"{made.rows['image_id'].iloc[first]!r}: {made.taxonomy.labels[said[first]]!r} is not its top score; leave the "
            "score columns out to use the column, or leave predicted= out to use the top scores"
        )


def taxonomy_of(given: Taxonomy | str | Sequence[str] | None) -> Taxonomy | None:
    """The labels as they may be given: ready, by the name of a built-in set or by a `.toml` file, or one by one.

    Raises:
        TypeError: none of these.
        FileNotFoundError: no such file.
        ValueError: no such built-in set, or labels that `Taxonomy` refuses.
    """
    if given is None or isinstance(given, Taxonomy):
        return given
    if isinstance(given, str):
        return taxonomy_called(given)
    if not isinstance(given, Iterable):
        raise TypeError(f"taxonomy is {given!r}: expected the name of a built-in one, a .toml file, or the labels")
    return Taxonomy.from_labels(given)
