"""Which groups of pictures, that no column names, does a model read otherwise than their labels say?

Half of the pictures are searched (`explore`), the other half judges what was found (`confirm`). A slice is a function of the
features, and at most of the true label, never of the prediction: a slice that knows what was said passes any held-out test
on data without bias.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.discovery.candidates import Candidate, Explore
from affect_workbench.analyses.discovery.config import DiscoveryConfig
from affect_workbench.analyses.discovery.coordinates import slice_space
from affect_workbench.analyses.discovery.directions import DirectionProposer
from affect_workbench.analyses.discovery.merge import merged
from affect_workbench.analyses.discovery.naming import NO_NAME, Name, nameable_attributes, named_slice
from affect_workbench.analyses.discovery.proposers import LeafProposer, Proposer, TopicProposer
from affect_workbench.analyses.discovery.split import explore_half
from affect_workbench.analyses.discovery.verify import VERDICTS, Check, checked, repeated, verdicts
from affect_workbench.analyses.slices.circular_columns import repeating_columns
from affect_workbench.analyses.slices.pairs import group_codes
from affect_workbench.arrays import Floats, Mask, Vectors
from affect_workbench.data.concepts.definitions import Concept
from affect_workbench.data.plurals import plural
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.tables.columns import attribute_columns
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

COLUMNS = (
    "slice",
    "name",
    "why",
    "true_class",
    "emotion",
    "direction",
    "origin",
    "n_explore",
    "n_confirm",
    "rate",
    "expected",
    "effect",
    "low",
    "high",
    "p",
    "q",
    "verdict",
    "explained_by",
    "strength",
)
FEWEST_PICTURES = 200
"""Labelled pictures from which half of them can be searched at all."""
NEEDS_LABELS = (
    "slices are discovered where predictions differ from labels, and these pictures have no label or votes: give "
    "features with labels, or slice by known attributes with `workbench audit`"
)


@dataclass(frozen=True)
class DiscoveryResult:
    """What was discovered.

    Attributes:
        taxonomy: the labels.
        table: one row a slice, verdict first, then p. `slice` (number from 1), `name`, `why` (figures behind the name),
            `true_class` (label that the slice lies in, "" for any), `emotion`, `direction` ("more" or "less"), `origin`,
            `n_explore`, `n_confirm`, and of the confirm half: `rate`, `expected` (at the same true labels), `effect` with
            `low` and `high` (Mantel-Haenszel, 95 %), `p`, `q`, `verdict` (one of `analyses.discovery.verify.VERDICTS`);
            `repeats`: number of an earlier verified slice without whose pictures this one shows nothing, 0 for none;
            `strength` (z-score on the explore half: what it was picked by, no evidence).
        members: for each row, positions of its pictures in both halves.
        scores: `(s, n)` float32 membership scores, larger = more.
        explore: `(n,)` which pictures were searched.
        confirm: `(n,)` which pictures judged; pictures without a label are in neither.
        notes: sentences that a reader must see.
        config: what was asked.
    """

    taxonomy: Taxonomy
    table: pd.DataFrame
    members: tuple[npt.NDArray[np.int64], ...]
    scores: npt.NDArray[np.float32]
    explore: Mask
    confirm: Mask
    notes: tuple[str, ...]
    config: DiscoveryConfig

    @property
    def verified(self) -> pd.DataFrame:
        """The rows of the table that hold on the held-out half."""
        return self.table[self.table["verdict"] == "verified"]

    @property
    def own(self) -> pd.DataFrame:
        """The verified rows that repeat no earlier one."""
        return self.verified[self.verified["explained_by"] == 0]

    @property
    def headline(self) -> str:
        """The outcome in one sentence."""
        count, checks = len(self.verified), len(self.table)
        held = f"{int(self.confirm.sum()):,} held-out pictures"
        if not checks:
            return f"No slice was proposed; there was nothing to verify on {held}."
        what = f"{checks} proposed slice{'' if checks == 1 else 's'}"
        if not count:
            return (
                f"None of {what} is confirmed on {held}: no hidden slice was shown, which does not prove that there is none."
            )
        repeats = count - len(self.own)
        more = f" ({repeats} of them {'is' if repeats == 1 else 'are'} explained by a stronger one)" if repeats else ""
        return f"{count} of {what} {'is' if count == 1 else 'are'} confirmed on {held}{more}."

    def as_json(self) -> dict[str, Any]:
        """A record that JSON can hold: headline, notes, config, counts."""
        return {
            "headline": self.headline,
            "notes": list(self.notes),
            "config": asdict(self.config),
            "pictures": len(self.explore),
            "explore": int(self.explore.sum()),
            "confirm": int(self.confirm.sum()),
            "verdicts": {name: int((self.table["verdict"] == name).sum()) for name in VERDICTS},
        }


def discover(
    features: Vectors,
    predictions: Predictions,
    *,
    config: DiscoveryConfig | None = None,
    prompts: Sequence[Concept] = (),
    proposers: Sequence[Proposer] | None = None,
    progress: Callable[[str], None] | None = None,
) -> DiscoveryResult:
    """Searches one half of the pictures for slices that are read otherwise, and checks them on the other half.

    Args:
        features: `(n, d)` of the encoder, not of the probe.
        predictions: of the same pictures, with labels or votes (the most voted label counts).
        config: what to ask; the defaults when not given.
        prompts: directions of feature space that slices may be named by.
        proposers: where slices come from; directions, topics and leaves when not given.
        progress: called with the name of each step before it starts.

    Raises:
        ValueError: no labels, too few labelled pictures, one label only, or features of other pictures.
    """
    config, say = config or DiscoveryConfig(), progress or (lambda step: None)
    n, k = len(predictions), len(predictions.taxonomy)
    if features.ndim != 2 or len(features) != n:
        raise ValueError(f"features have shape {features.shape}: expected ({n}, width), one row per prediction")
    truth = predictions.truth
    if truth is None:
        raise ValueError(NEEDS_LABELS)
    labelled = np.flatnonzero(np.isfinite(truth).all(axis=1))
    if len(labelled) < FEWEST_PICTURES:
        raise ValueError(
            f"{plural(len(labelled), 'picture has', 'pictures have')} "
            f"a label or votes: expected at least {FEWEST_PICTURES}, half to "
            "search and half to verify; label more, or slice by known attributes with `workbench audit`"
        )
    y = truth[labelled].argmax(axis=1).astype(np.int64)
    if len(np.unique(y)) < 2:
        raise ValueError(f"all pictures are labelled {predictions.taxonomy.labels[y[0]]!r}: expected at least two labels")
    y_pred = predictions.predicted[labelled]
    groups = group_codes(predictions.rows)
    groups = None if groups is None else groups[labelled]
    half = explore_half(y, groups, seed=config.seed)
    say("projecting")
    chosen = np.asarray(features[labelled])
    seen = off_label_span(predictions)[labelled] if config.space == "projected" else chosen
    space = slice_space(seen[half], y[half], components=config.components)
    z = space.coordinates(seen)
    found = _proposals(Explore.of(z[half], y[half], y_pred[half], k), config, proposers, say)
    say("checking")
    scores = np.array([candidate.rule.score(z, y) for candidate in found]).reshape(len(found), len(y))
    inside = scores >= np.array([candidate.cut for candidate in found])[:, None]
    own = None if groups is None else groups[~half]
    checks = [
        checked(inside[at][~half], (y_pred == candidate.emotion)[~half], y[~half], min_count=config.min_count, groups=own)
        for at, candidate in enumerate(found)
    ]
    say("naming")
    aside = dict(repeating_columns(predictions, attribute_columns(predictions.rows)))
    attributes = nameable_attributes(predictions.rows.iloc[labelled], aside=aside)
    names = [named_slice(row, attributes, features=chosen, prompts=prompts) for row in inside]
    table = _table(found, checks, names, inside[:, half].sum(axis=1), predictions.taxonomy, config)
    order = table.pop("at").to_numpy(np.int64)
    emotions = np.array([found[at].emotion for at in order], dtype=np.int64)
    repeats = repeated(
        inside[order][:, ~half],
        y_pred[~half] == emotions[:, None],
        np.where(table["direction"] == "more", 1, -1),
        y[~half],
        list(table["verdict"]),
        tolerance=config.tolerance,
    )
    table["explained_by"] = np.array(repeats, dtype=np.int64) + 1
    whole = np.full((len(found), n), np.finfo(np.float32).min, dtype=np.float32)
    whole[:, labelled] = scores[order]
    return DiscoveryResult(
        predictions.taxonomy,
        table,
        tuple(labelled[row] for row in inside[order]),
        whole,
        _spread(labelled[half], n),
        _spread(labelled[~half], n),
        (*_notes(predictions, len(labelled), groups, config), *_one_sided(y, half, predictions.taxonomy)),
        config,
    )


def off_label_span(predictions: Predictions) -> Floats:
    """What a probe does not read of its projected pictures `(n, m)`: they are projected off the span of its anchors.

    A probe's reading is a function of the very features, so the pictures near a border between labels are read otherwise
    than their labels in any data set. Off the span nothing of that is left, but a bias along the span is not seen either.

    Raises:
        ValueError: no embeddings or anchors (predictions from a table have none), or no dimension off the span.
    """
    if predictions.embeddings is None or predictions.anchors is None:
        raise ValueError("space projected needs predictions of a probe (--probe): give those, or use the space features")
    vectors = np.asarray(predictions.embeddings, np.float64)
    axes = np.linalg.svd(np.asarray(predictions.anchors, np.float64), full_matrices=False)[2]
    if len(axes) >= vectors.shape[1]:
        raise ValueError(f"{len(axes)} anchors span all {vectors.shape[1]} dimensions: use the space features")
    return np.asarray(vectors - (vectors @ axes.T) @ axes)


def _proposals(
    explore: Explore, config: DiscoveryConfig, proposers: Sequence[Proposer] | None, say: Callable[[str], None]
) -> list[Candidate]:
    """What all proposers found, alike ones merged."""
    sources = (DirectionProposer(), TopicProposer(config.topics), LeafProposer()) if proposers is None else proposers
    found: list[Candidate] = []
    for number, source in enumerate(sources):
        say(
            ("searching directions", "searching clusters", "searching tree leaves")[number]
            if proposers is None
            else "looking"
        )
        found += source.propose(explore, np.random.default_rng([config.seed, 40 + number]))
    if not found:
        return []
    members = np.stack([candidate.members(explore.z, explore.y) for candidate in found])
    return [found[at] for at in merged(found, members, most=config.most)]


def _table(
    found: Sequence[Candidate],
    checks: list[Check],
    names: Sequence[Name],
    sizes: npt.NDArray[np.int64],
    taxonomy: Taxonomy,
    config: DiscoveryConfig,
) -> pd.DataFrame:
    signs = np.array([candidate.sign for candidate in found], dtype=np.int64)
    q, verdict = verdicts(checks, signs, alpha=config.alpha, tolerance=config.tolerance)
    records: list[Mapping[str, Any]] = []
    for at, (candidate, check, name) in enumerate(zip(found, checks, names, strict=True)):
        label = "" if candidate.true_class is None else taxonomy.labels[candidate.true_class]
        records.append(
            {
                "at": at,
                "name": name.name if name.name != NO_NAME or not label else f"a kind of {label} picture",
                "why": name.why,
                "true_class": label,
                "emotion": taxonomy.labels[candidate.emotion],
                "direction": "more" if candidate.sign > 0 else "less",
                "origin": candidate.proposer,
                "n_explore": int(sizes[at]),
                "n_confirm": check.n,
                "rate": check.rate,
                "expected": check.expected,
                "effect": check.effect,
                "low": check.low,
                "high": check.high,
                "p": check.p,
                "q": float(q[at]),
                "verdict": verdict[at],
                "strength": candidate.strength,
            }
        )
    table = pd.DataFrame(records, columns=["at", *COLUMNS[1:]])
    rank = table["verdict"].map({name: number for number, name in enumerate(VERDICTS)})
    order = pd.DataFrame({"rank": rank, "p": table["p"].fillna(1.0), "strength": -table["strength"]})
    table = table.iloc[order.sort_values(list(order.columns), kind="stable").index].reset_index(drop=True)
    table.insert(0, "slice", np.arange(1, len(table) + 1))
    return table


def _spread(positions: npt.NDArray[np.int64], n: int) -> Mask:
    mask = np.zeros(n, dtype=bool)
    mask[positions] = True
    return mask


def _one_sided(y: npt.NDArray[np.int64], half: Mask, taxonomy: Taxonomy) -> list[str]:
    """Labels that one half has no picture of: slices of theirs are not found there, or not checked."""
    counts = [np.bincount(y[side], minlength=len(taxonomy)) for side in (half, ~half)]
    halves = (
        "for the search: no slice of its pictures can be found",
        "for verification: no slice of its pictures can be confirmed",
    )
    return [
        f"no picture labelled {taxonomy.labels[label]} is in the half {what}; label more of them"
        for (own, other), what in zip((counts, counts[::-1]), halves, strict=True)
        for label in np.flatnonzero((own == 0) & (other > 0))
    ]


def _notes(
    predictions: Predictions, labelled: int, groups: npt.NDArray[np.int64] | None, config: DiscoveryConfig
) -> tuple[str, ...]:
    notes = list(predictions.notes)
    if predictions.measure != "label" and config.space == "features":
        notes.append(
            "a model that uses these very features makes errors near the borders between labels: a slice may "
            "only consist of the hard pictures of a class (--space=projected searches only where a probe does "
            "not look)"
        )
    if labelled < len(predictions):
        without = len(predictions) - labelled
        verb = "has" if without == 1 else "have"
        notes.append(f"{without:,} of {plural(len(predictions), 'picture')} {verb} no label or votes: they are in no slice")
    if predictions.has_votes:
        notes.append("the most voted label counts as the true one")
    if groups is not None:
        notes.append(
            f"pictures come in {len(np.unique(groups)):,} groups: no group is split between the halves, and p "
            "values treat groups as units"
        )
    return tuple(notes)
