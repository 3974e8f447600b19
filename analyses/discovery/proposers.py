"""Where might pictures be read otherwise than their labels say? Proposals from the explore half, three ways."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from affect_workbench.analyses.discovery.candidates import (
    FEWEST,
    LOWEST,
    Candidate,
    Explore,
    best_cut,
    cut_at,
    null_variance,
)
from affect_workbench.analyses.discovery.directions import refined
from affect_workbench.arrays import Codes, Floats, Mask

REFINED_TOPICS = 4
"""Clusters whose edge is refined: the most striking ones."""
TREES = 60
FOREST_PROPOSALS = 2


class Proposer(Protocol):
    """Anything that proposes slices from the explore half."""

    def propose(self, explore: Explore, rng: np.random.Generator) -> list[Candidate]:
        """Candidates in any order."""
        ...


@dataclass(frozen=True)
class Topic:
    """One cluster inside one true class: how much nearer a picture is to its centre than to any other centre.

    Attributes:
        centres: `(c, m)` of all clusters of the class.
        at: which one.
        true_class: the class.
    """

    centres: Floats
    at: int
    true_class: int

    def score(self, z: Floats, y: Codes) -> Floats:
        """Squared distance to the nearest other centre minus that to the own `(n,)`; `LOWEST` in other classes."""
        distance = (self.centres**2).sum(axis=1) - 2 * z @ self.centres.T
        others = np.delete(distance, self.at, axis=1).min(axis=1)
        return np.asarray(np.where(y == self.true_class, others - distance[:, self.at], LOWEST))


@dataclass(frozen=True)
class TopicProposer:
    """MiniBatchKMeans inside each true class; the clusters never see a prediction, so all of them can be compared."""

    topics: int = 16

    def propose(self, explore: Explore, rng: np.random.Generator) -> list[Candidate]:
        """The most striking clusters, each as it is and with its edge refined by a gate."""
        found: list[Candidate] = []
        for true_class in np.unique(explore.y):
            found += self._in_class(explore, int(true_class), int(rng.integers(2**31)))
        found = sorted(found, key=lambda candidate: -candidate.strength)[:REFINED_TOPICS]
        better: list[Candidate] = []
        for candidate in found:
            start = _apart(explore, candidate)
            better += refined(
                explore,
                partial(_always, start),
                candidate.emotion,
                candidate.sign,
                rng,
                proposer="a cluster inside one class, refined",
                true_class=candidate.true_class,
            )
        return found + better

    def _in_class(self, explore: Explore, true_class: int, seed: int) -> list[Candidate]:
        from sklearn.cluster import MiniBatchKMeans

        inside = explore.y == true_class
        count = min(self.topics, int(inside.sum()) // FEWEST)
        if count < 2:
            return []
        z = explore.z[inside]
        model: Any = MiniBatchKMeans(count, random_state=seed, n_init=3, batch_size=min(1024, len(z))).fit(z)
        centres = np.asarray(model.cluster_centers_, np.float64)
        sizes = np.bincount(model.labels_, minlength=count)
        excess = np.eye(count)[model.labels_].T @ explore.residual[inside]
        drawn = np.zeros((count, explore.residual.shape[1]))
        drawn[:, true_class] = sizes
        z_scores = excess / np.sqrt(np.maximum(null_variance(drawn, explore), 1e-9))
        z_scores[sizes < FEWEST] = 0.0
        best = np.abs(z_scores).argmax(axis=1)
        return [
            Candidate(
                Topic(centres, at, true_class),
                0.0,
                int(best[at]),
                1 if z_scores[at, best[at]] >= 0 else -1,
                abs(float(z_scores[at, best[at]])),
                "a cluster inside one class",
                true_class,
            )
            for at in range(count)
            if sizes[at] >= FEWEST
        ]


def _apart(explore: Explore, candidate: Candidate) -> Floats:
    """The direction from the rest of the class to the cluster, axes scaled by their variances."""
    inside = candidate.members(explore.z, explore.y)
    rest = (explore.y == candidate.true_class) & ~inside
    spread = np.var(explore.z[inside], axis=0) + np.var(explore.z[rest], axis=0) + 0.01
    return np.asarray((explore.z[inside].mean(axis=0) - explore.z[rest].mean(axis=0)) / spread)


def _always(start: Floats, rows: Mask) -> Floats:
    """The start, whichever rows are fitted: it was found without predictions."""
    return start


@dataclass(frozen=True)
class Leaves:
    """What the leaves of a forest that a picture falls into say of the residual of one emotion, on average."""

    forest: Any
    emotion: int
    sign: int

    def score(self, z: Floats, y: Codes) -> Floats:
        """Mean residual of the picture's leaves `(n,)`, times the sign."""
        return self.sign * np.asarray(self.forest.predict(z), np.float64).reshape(len(z), -1)[:, self.emotion]


@dataclass(frozen=True)
class LeafProposer:
    """ExtraTrees on the residual: shapes that are neither a tail nor a cluster. Judged by trees that did not see a row."""

    trees: int = TREES

    def propose(self, explore: Explore, rng: np.random.Generator) -> list[Candidate]:
        """The most striking emotions, by what the leaves of the other trees say."""
        from sklearn.ensemble import ExtraTreesRegressor

        forest: Any = ExtraTreesRegressor(
            self.trees,
            max_depth=8,
            min_samples_leaf=FEWEST,
            max_features=0.3,
            bootstrap=True,
            max_samples=0.5,
            oob_score=True,
            random_state=int(rng.integers(2**31)),
        ).fit(explore.z, explore.residual)
        unseen = np.asarray(forest.oob_prediction_, np.float64).reshape(len(explore.z), -1)
        found: list[Candidate] = []
        for emotion in range(unseen.shape[1]):
            for sign in (1, -1):
                cut = best_cut(sign * unseen[:, emotion], explore, emotion=emotion)
                if cut.z * sign > 0:
                    rule = Leaves(forest, emotion, sign)
                    at = cut_at(rule, cut.share, explore)
                    found.append(Candidate(rule, at, emotion, sign, abs(cut.z), "leaves of trees"))
        return sorted(found, key=lambda candidate: -candidate.strength)[:FOREST_PROPOSALS]
