"""Which pictures show what a finding claims? One choice for the report, every page of the app, and comparisons.

That a slice is predicted as an emotion more often is shown by pictures that are predicted so, wrongly predicted ones first;
that it is predicted so less often by pictures that ought to be and are not: labelled or voted so, else those whose score for
the emotion came nearest to winning. Where nothing is known that could show it, the reader is told why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.audit.tables import SCORE_OF
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.arrays import Floats, Mask
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.interface.numbers import percent


@dataclass(frozen=True)
class Evidence:
    """The pictures that show a claim.

    Attributes:
        words: which pictures these are, or why there are none; a sentence.
        samples: of the audit.
        at: positions of these pictures in the samples, those that show it best first.
        votes: share of the votes that each has for the emotion, as long as `at`; None where that is not the reason.
        scores: each one's score for the emotion; None where that is not the reason.
        emotion: of the claim.
    """

    words: str
    samples: pd.DataFrame
    at: npt.NDArray[np.int64]
    emotion: str
    votes: Floats | None = None
    scores: Floats | None = None

    def __len__(self) -> int:
        return len(self.at)

    @property
    def rows(self) -> pd.DataFrame:
        """These pictures, in their order."""
        return self.samples.iloc[self.at]

    def note(self, place: int) -> str:
        """What else a caption says of the picture at this place: its votes or its score for the emotion; "" for nothing."""
        if self.votes is not None:
            return f"{percent(float(self.votes[place]))} of votes for {self.emotion}"
        if self.scores is not None:
            return f"score for {self.emotion} {self.scores[place]:.2f}".replace("-", "−")
        return ""

    def captions(self, most: int) -> list[str]:
        """What each of the first `most` pictures shows, in words."""
        some = self.samples.iloc[self.at[:most]]
        return [caption(row, self.note(place)) for place, row in enumerate(some.to_dict("records"))]


@dataclass(frozen=True)
class Claims:
    """The pictures of an audit, ready to be asked what shows a claim; what many claims need is worked out once."""

    samples: pd.DataFrame
    taxonomy: Taxonomy
    _masks: dict[str, Mask] = field(default_factory=dict, repr=False)

    def of(self, finding: Any) -> Evidence:
        """The pictures behind a row of an audit's findings: of a skew those that show it, of others those predicted so."""
        inside = self.inside(finding.where)
        if finding.verdict == "skewed" and finding.effect < 0:
            beside = SliceSpec.from_json(finding.where).universe(self.samples) & ~inside
            return self.false_negatives(inside, beside, finding.emotion)
        return self.predicted_so(inside, finding.emotion, claim=finding.verdict == "skewed")

    def inside(self, where: Mapping[str, Any]) -> Mask:
        """Which pictures are in a slice `(n,)`."""
        key = repr(sorted(where.items()))
        if key not in self._masks:
            self._masks[key] = SliceSpec.from_json(where).mask(self.samples)
        return self._masks[key]

    def predicted_so(self, inside: Mask, emotion: str, *, claim: bool = True) -> Evidence:
        """Pictures of a slice predicted as the emotion, those against their label first, then the surest."""
        at = np.flatnonzero(inside & (self.predicted == emotion))
        if not len(at):
            return Evidence(f"No picture of the slice is predicted as {emotion}.", self.samples, at, emotion)
        agreement = self.samples["audit_agreement"].to_numpy(np.float64)[at]
        known, order = np.isfinite(agreement), "most confident first"
        if known.any():
            wrong = int((agreement < 0.5).sum())
            order = f"those that contradict their label or votes first ({wrong:,} of {int(known.sum()):,})"
        doubt = "" if claim else " No difference is claimed."
        return Evidence(f"Predicted as {emotion}, {order}.{doubt}", self.samples, self.ranked(at, agreement), emotion)

    def false_negatives(self, inside: Mask, beside: Mask, emotion: str) -> Evidence:
        """Pictures of a slice that ought to be predicted as the emotion and are not; see the top of this file.

        Where there are none although all labels are known, it is the others that are predicted so more often: then those of
        them are shown that are predicted so against their label.

        Args:
            inside: the slice `(n,)`.
            beside: its complement `(n,)`.
            emotion: of the claim.
        """
        otherwise = inside & (self.predicted != emotion)
        shares = self.shares(emotion)
        known = np.isfinite(shares)
        ought = np.flatnonzero(otherwise & (np.nan_to_num(shares) > 0))
        if len(ought):
            at = self.ranked(ought, -shares[ought])
            if self._votes is None:
                words = f"Labelled {emotion} but predicted otherwise, most confident first ({len(at):,})."
                return Evidence(words, self.samples, at, emotion)
            words = f"With votes for {emotion} but predicted otherwise, most votes first ({len(at):,})."
            return Evidence(words, self.samples, at, emotion, votes=shares[at])
        some = bool((inside & known).any())
        lead = f"No picture that is {'voted' if self._votes is not None else 'labelled'} {emotion} is predicted otherwise. "
        lead = lead if some else ""
        unknown = np.flatnonzero(otherwise & ~known)
        if SCORE_OF + emotion in self.samples and len(unknown):
            scores = self.samples[SCORE_OF + emotion].to_numpy(np.float64)
            at = self.ranked(unknown, -scores[unknown])
            words = f"{lead}Without a label: those with the highest score for {emotion} that are predicted otherwise."
            return Evidence(words, self.samples, at, emotion, scores=scores[at])
        if some and not len(unknown):
            false = np.flatnonzero(beside & (self.predicted == emotion) & (np.nan_to_num(shares, nan=1.0) == 0))
            if len(false):
                words = (
                    f"{lead}The other pictures are predicted as {emotion} more often: those that contradict their "
                    f"label ({len(false):,})."
                )
                return Evidence(words, self.samples, self.ranked(false, shares[false]), emotion)
            words = f"{lead}The slice is predicted as {emotion} less often because fewer of its pictures show it."
        else:
            words = (
                f"{lead}No picture can be shown: neither labels nor scores are known, so it is unknown which "
                f"pictures might have been predicted as {emotion}."
            )
        return Evidence(words, self.samples, unknown[:0], emotion)

    def label_rate(self, where: Mapping[str, Any], emotion: str) -> float:
        """Share of the emotion in a slice by labels or votes; NaN where none is known."""
        shares = self.shares(emotion)[self.inside(where)]
        known = shares[np.isfinite(shares)]
        return float(known.mean()) if len(known) else np.nan

    def ranked(self, at: npt.NDArray[np.int64], first: Floats) -> npt.NDArray[np.int64]:
        """Positions by `first`, NaN last, then the surest prediction, then the id."""
        order = pd.DataFrame({"first": first, "sure": -self._margin[at], "id": self.samples["image_id"].to_numpy()[at]})
        places = order.sort_values(list(order.columns), na_position="last", kind="stable").index.to_numpy()
        return np.asarray(at[places], dtype=np.int64)

    def shares(self, emotion: str) -> Floats:
        """Share of the votes that each picture has for the emotion (a label is one vote); NaN where unknown."""
        return self.truth[:, self.taxonomy.labels.index(emotion)]

    @cached_property
    def truth(self) -> Floats:
        """Share of the votes of each picture for each emotion `(n, k)`; a label is one vote; NaN where unknown."""
        if self._votes is not None:
            return self._votes
        one = np.eye(len(self.taxonomy))[np.maximum(self._labels, 0)]
        return np.where(self._labels[:, None] < 0, np.nan, one)

    @property
    def has_votes(self) -> bool:
        """Whether the truth is made of votes."""
        return self._votes is not None

    @cached_property
    def predicted(self) -> npt.NDArray[np.object_]:
        """What each picture is predicted as `(n,)`."""
        return self.samples["predicted"].to_numpy(dtype=object)

    @cached_property
    def _margin(self) -> Floats:
        return self.samples["audit_margin"].to_numpy(np.float64)

    @cached_property
    def _votes(self) -> Floats | None:
        columns = [VOTE_PREFIX + label for label in self.taxonomy.labels]
        if not all(name in self.samples for name in columns):
            return None
        votes = self.samples[columns].to_numpy(np.float64)
        total = np.nan_to_num(votes.sum(axis=1, keepdims=True))
        return np.divide(votes, total, where=total > 0, out=np.full_like(votes, np.nan))

    @cached_property
    def _labels(self) -> npt.NDArray[np.int64]:
        if "label" not in self.samples:
            return np.full(len(self.samples), -1, dtype=np.int64)
        return self.taxonomy.codes(self.samples["label"])


def evidence(result: AuditResult, finding: Any) -> Evidence:
    """The pictures behind one row of an audit's findings (see `Claims.of`)."""
    return Claims(result.samples, result.taxonomy).of(finding)


def predicted_so(result: AuditResult, finding: Any) -> Evidence:
    """The pictures of its slice that are predicted as its emotion, whatever it claims."""
    claims = Claims(result.samples, result.taxonomy)
    return claims.predicted_so(claims.inside(finding.where), finding.emotion)


def caption(row: Any, note: str = "") -> str:
    """`predicted as joy, labelled fear` (`mostly voted fear` of votes), and a note; `row` a record of the samples."""
    label = row.get("label")
    return with_note(f"predicted as {row['predicted']}" + (f", {truth_of(row)}" if pd.notna(label) else ""), note)


def truth_of(row: Mapping[Any, Any]) -> str:
    """A record's label in words: `mostly voted fear` where no emotion has more of its votes, else `labelled fear`."""
    label = row["label"]
    votes = [float(value) for name, value in row.items() if str(name).startswith(VOTE_PREFIX) and pd.notna(value)]
    own = row.get(f"{VOTE_PREFIX}{label}")
    return f"{'mostly voted' if votes and own is not None and own == max(votes) > 0 else 'labelled'} {label}"


def with_note(what: str, note: str) -> str:
    """A caption with what else is known of the picture behind it."""
    return f"{what}, {note}" if note else what


def worst_first(rows: pd.DataFrame) -> pd.DataFrame:
    """Lowest agreement with the truth first; among equals the prediction that was surest."""
    by = ["audit_agreement", "sureness", "image_id"]
    order = rows[["audit_agreement", "image_id"]].assign(sureness=-rows["audit_margin"].astype(float))
    return rows.loc[order.sort_values(by, na_position="last", kind="stable").index]
