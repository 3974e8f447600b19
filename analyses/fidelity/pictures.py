"""Of which pictures is it known what a model answered, and what else is known of them?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.sums import group_sums
from affect_workbench.analyses.space.contrasts import Contrasts, contrasts
from affect_workbench.arrays import Codes, Floats


@dataclass(frozen=True)
class AnsweredPictures:
    """What a model answered to `n` pictures, and by what they can be compared.

    Attributes:
        labels: the `k` labels.
        answers: position of the answered label `(n,)`, -1 where the model gave none of them.
        attributes: coded from the same pictures.
        truth: position of the true label `(n,)`, -1 where unknown; None where no picture has a truth.
        groups: group of each picture `(n,)`; None for independent ones.

    Raises:
        ValueError: lengths disagree, or a position is outside the labels.
    """

    labels: tuple[str, ...]
    answers: Codes
    attributes: tuple[CodedAttribute, ...] = ()
    truth: Codes | None = None
    groups: Codes | None = None

    def __post_init__(self) -> None:
        n = len(self.answers)
        others = [one.codes for one in self.attributes]
        others += [one for one in (self.truth, self.groups) if one is not None]
        if any(len(one) != n for one in others):
            raise ValueError(f"{n} answers stand beside codes of {sorted({len(one) for one in others})} pictures")
        for what, codes in (("an answer", self.answers), ("a true label", self.truth)):
            if codes is not None and n and not -1 <= codes.min() <= codes.max() < len(self.labels):
                raise ValueError(f"{what} is outside -1 to {len(self.labels) - 1}: {codes.min()} to {codes.max()}")

    def __len__(self) -> int:
        return len(self.answers)

    @classmethod
    def of(cls, data: SlicedPredictions) -> AnsweredPictures:
        """Those of predictions that know what the model itself answered (`Predictions.answered`).

        Raises:
            ValueError: they do not.
        """
        answered = data.predictions.answered
        if answered is None:
            raise ValueError("the predictions do not say what the model itself answered: a column 'answered' is needed")
        return cls(data.predictions.taxonomy.labels, answered, data.attributes, data.true_codes, data.groups)

    def skews(self, y_pred: Codes, *, beyond: Codes | None = None) -> Iterator[tuple[CodedAttribute, Contrasts]]:
        """By attribute: how much more often each label is predicted for a value than for the others, shares `(v, k)`.

        The label of each picture is `y_pred (n,)`; pictures where nothing is predicted (-1) are left out. With labels
        `beyond (n,)`, how much that is more than these differ, picture by picture, where they are known.
        """
        known = y_pred >= 0
        chosen = np.eye(len(self.labels))[y_pred]
        if beyond is not None:
            known = known & (beyond >= 0)
            chosen = chosen - np.eye(len(self.labels))[beyond]
        for attribute in self.attributes:
            codes = np.where(known, attribute.codes, -1)
            yield attribute, contrasts(codes, len(attribute.conditions), chosen, groups=self.groups)


def weighted_skews(codes: Codes, size: int, y_pred: Codes, weights: Floats, k: int) -> Floats:
    """Differences `(size, k, b)` between the rate of each label for a value and for all others, in `b` weighted samples.

    Args:
        codes: value of each picture `(n,)`, -1 for none: it counts nowhere.
        size: how many values there are.
        y_pred: label of each picture `(n,)`, at least 0 where the picture counts.
        weights: how often each picture is in each sample `(n, b)`.
        k: how many labels there are.
    """
    counts = group_sums(np.where(codes >= 0, codes * k + y_pred, -1), size * k, weights).reshape(size, k, -1)
    others = counts.sum(axis=0) - counts
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(counts / counts.sum(axis=1, keepdims=True) - others / others.sum(axis=1, keepdims=True))
