"""Among embeddings: are slices that no attribute names found and confirmed, and nothing where nothing is hidden?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from affect_workbench.analyses.benchmark.decision_rules import SLICELINE_ALPHA
from affect_workbench.analyses.benchmark.hidden.detection import TOP, average_precision, recovery
from affect_workbench.analyses.benchmark.results import (
    OPEN,
    RIGHT,
    Experiment,
    Record,
    Row,
    mean_row,
    share_row,
    totals,
    values_of,
)
from affect_workbench.analyses.discovery.candidates import Explore
from affect_workbench.analyses.discovery.config import DiscoveryConfig
from affect_workbench.analyses.discovery.coordinates import slice_space
from affect_workbench.analyses.discovery.directions import ridge
from affect_workbench.analyses.discovery.discover import discover
from affect_workbench.analyses.discovery.split import explore_half
from affect_workbench.analyses.discovery.verify import checked, verdicts
from affect_workbench.arrays import Codes, Floats, Mask
from affect_workbench.data.synthetic.embeddings import PlantedEmbeddings, planted_embeddings

GATES = (
    ("direction, 3 % of the pictures", "direction", 0.03, 0.85),
    ("direction, 1 %", "direction", 0.01, 0.55),
    ("topic within one class", "topic", None, 0.95),
    ("conjunction of two directions, 3 %", "conjunction", None, 0.60),
)
"""Name, scenario, share, and the average precision that is asked."""
MOVED = "direction, 3 %, vectors moved toward a label"
MORE = (("ring around the middle of two directions, 3 %", "ring", None, None), (MOVED, "direction", 0.03, None))
"""Without a bar for the precision. Moved vectors are read by the nearest label: searched off the span of the labels."""
PICTURES = (8_000, 30_000)
"""Of a data set, quick and full; the precision asked for is that of the full size, and not judged in a quick run."""
NULL_PICTURES = 3_000
NULLS = 5
"""Data sets without a hidden slice in a block."""
SHARE = 0.05
"""Of the pictures, in a slice that a baseline's score makes where it must be cut."""
COMPONENTS = 8
"""Principal components that DivExplorer's and SliceLine's rules are given, cut in four: they need attributes."""


def hidden_experiment(*, blocks: tuple[int, int]) -> Experiment:
    """Average precision of the hidden slice on the held-out half, best of the first ten slices."""

    def run(seed: Sequence[int], quick: bool) -> Record:
        found: dict[str, dict[str, list[float]]] = {}
        for at, (name, scenario, share, _) in enumerate((*GATES, *MORE)):
            if quick and share == 0.01:
                continue  # 50 pictures of the half that is searched: nothing to find
            planted = planted_embeddings(
                scenario,
                n=PICTURES[not quick],
                seed=drawn_seed(seed, at),
                share=share,
                mechanism="vectors" if name == MOVED else "outcome",
            )
            config = DiscoveryConfig(space="projected" if name == MOVED else "features")
            scored = recovery(discover(planted.features, planted.predictions, config=config), planted.truth)
            found[name] = {"ours": [scored.average_precision], "verified": [float(scored.found)]}
            found[name] |= {tool: [value] for tool, value in baselines(planted, seed).items()}
        return {"found": found}

    def rows(records: Sequence[Record], quick: bool) -> list[Row]:
        lines, scenarios = [], []
        for name, _, _, bar in (*GATES, *MORE):
            if name not in records[0]["found"]:
                continue
            values = totals([record["found"] for record in records], name)
            others = {tool: float(np.mean(one)) for tool, one in values.items() if tool not in ("ours", "verified")}
            verified = int(sum(values["verified"]))
            scenarios.append(
                share_row(
                    verified,
                    len(values["verified"]),
                    at_least=RIGHT,
                    kind="scenario",
                    name=f"hidden {name}: found and verified",
                    note=f"average precision {np.mean(values['ours']):.2f}; best of the others {max(others.values()):.2f}",
                )
            )
            if bar is None:
                continue
            line = mean_row(
                values["ours"],
                at_least=bar,
                kind="gate",
                name=f"hidden {name}: average precision",
                others=others,
                note=f"verified on the held-out half in {verified} of {len(values['verified'])}",
            )
            lines.append(replace(line, verdict=OPEN) if quick else line)
        return lines + scenarios

    return Experiment("hidden", blocks, run, rows)


def hidden_null_experiment(*, blocks: tuple[int, int]) -> Experiment:
    """Nothing is hidden: in how many data sets is a slice verified?"""

    def run(seed: Sequence[int], quick: bool) -> Record:
        ours: list[int] = []
        other: dict[str, list[int]] = {"confusion cells": [], "ridge alone": [], "random": []}
        for at in range(NULLS):
            planted = planted_embeddings("null", n=NULL_PICTURES, seed=drawn_seed(seed, at))
            ours.append(int(len(discover(planted.features, planted.predictions).verified) > 0))
            for tool, hits in _verified_on_null(planted, seed).items():
                other[tool].append(hits)
        return {"ours": ours, "other": other}

    def rows(records: Sequence[Record], quick: bool) -> list[Row]:
        ours = values_of(records, "ours")
        others = {tool: float(np.mean(hits)) for tool, hits in totals(records, "other").items()}
        note = "the other figures: the same held-out test of what they propose; a slice that uses the predictions passes it"
        name = "null: any discovered slice verified"
        return [share_row(sum(ours), len(ours), at_most=0.05, kind="gate", name=name, others=others, note=note)]

    return Experiment("hidden-null", blocks, run, rows)


def baselines(planted: PlantedEmbeddings, seed: Sequence[int]) -> dict[str, float]:
    """Tool -> average precision of the hidden slice on the held-out half, best of its first ten slices."""
    half, z, y, y_pred, rng = _prepared(planted, seed)
    truth, explore = planted.truth[~half], Explore.of(z[half], y[half], y_pred[half], len(planted.taxonomy))
    scores: dict[str, Sequence[npt.NDArray[Any]]] = {
        "random": [rng.random(int((~half).sum()))],
        "confusion cells": _confusion_cells(y, y_pred, half),
        "ridge alone": [z[~half] @ weights for weights in _ridge_tails(explore)],
        "DivExplorer": _leaves(planted, half, y, y_pred, by="DivExplorer"),
        "SliceLine": _leaves(planted, half, y, y_pred, by="SliceLine"),
    }
    return {
        tool: max((average_precision(np.asarray(score, float), truth) for score in some[:TOP]), default=0.0)
        for tool, some in scores.items()
    }


def drawn_seed(seed: Sequence[int], at: int) -> int:
    """A seed for data set `at` of a block."""
    return int(np.random.default_rng([*seed, at]).integers(2**31))


def _prepared(planted: PlantedEmbeddings, seed: Sequence[int]) -> tuple[Mask, Floats, Codes, Codes, np.random.Generator]:
    """Halves, coordinates, true and predicted labels, as `discover` has them."""
    y, y_pred = planted.taxonomy.codes(planted.rows["label"]), planted.predictions.predicted
    half = explore_half(y, seed=0)
    z = slice_space(planted.features[half], y[half]).coordinates(planted.features)
    return half, z, y, y_pred, np.random.default_rng([*seed, 99])


def _ridge_tails(explore: Explore) -> list[Floats]:
    """Both tails of every emotion's ridge direction, the one that goes with most residual first."""
    weights = ridge(explore.z, explore.residual)
    tails = [sign * weights[:, at] for at in range(weights.shape[1]) for sign in (1, -1)]
    most = max(1, round(SHARE * len(explore.z)))

    def strength(direction: Floats) -> float:
        top = np.argsort(-(explore.z @ direction))[:most]
        return float(np.abs(explore.residual[top].mean(axis=0)).max())

    return sorted(tails, key=strength, reverse=True)


def _confusion_cells(y: Codes, y_pred: Codes, half: Mask) -> list[Mask]:
    """Slices "labelled a, read as b", the most frequent mistakes of the explore half first."""
    k = int(max(y.max(), y_pred.max())) + 1
    counts = np.bincount(y[half] * k + y_pred[half], minlength=k * k).reshape(k, k)
    np.fill_diagonal(counts, 0)
    cells = np.argsort(-counts.ravel(), kind="stable")[: k * (k - 1)]
    return [(y[~half] == cell // k) & (y_pred[~half] == cell % k) for cell in cells]


def _leaves(planted: PlantedEmbeddings, half: Mask, y: Codes, y_pred: Codes, *, by: str) -> list[Mask]:
    """Conjunctions of up to two cut principal components, ranked on the explore half as the tool ranks slices."""
    x = np.asarray(planted.features, np.float64)
    centred = x - x[half].mean(axis=0)
    axes = np.linalg.eigh(centred[half].T @ centred[half])[1][:, ::-1][:, :COMPONENTS]
    coordinates = centred @ axes
    codes = np.stack([np.searchsorted(np.quantile(one[half], (0.25, 0.5, 0.75)), one) for one in coordinates.T], axis=1)
    wrong = (y_pred != y).astype(float)
    members = [codes[:, at] == value for at in range(COMPONENTS) for value in range(4)]
    slices = members + [one & other for first, one in enumerate(members) for other in members[4 * (first // 4) + 4 :]]
    n, errors = half.sum(), wrong[half].sum()
    found = []
    for inside in slices:
        size, mistakes = inside[half].sum(), wrong[half & inside].sum()
        if size < 10:
            continue
        if by == "SliceLine":
            score = SLICELINE_ALPHA * ((mistakes / size) / (errors / n) - 1) - (1 - SLICELINE_ALPHA) * (n / size - 1)
        else:
            mean, every = (mistakes + 1) / (size + 2), (errors + 1) / (n + 2)
            score = (mean - every) / np.sqrt(mean * (1 - mean) / (size + 3) + every * (1 - every) / (n + 3))
        found.append((float(score), inside[~half]))
    return [inside for _, inside in sorted(found, key=lambda entry: -entry[0])]


def _verified_on_null(planted: PlantedEmbeddings, seed: Sequence[int]) -> dict[str, int]:
    """Tool -> whether the held-out test of the product verifies any of the first ten slices that it proposes."""
    half, z, y, y_pred, rng = _prepared(planted, seed)
    explore = Explore.of(z[half], y[half], y_pred[half], len(planted.taxonomy))
    proposals: dict[str, list[Mask]] = {"confusion cells": _confusion_cells(y, y_pred, half)}
    for tool, scores in (
        ("ridge alone", [z[~half] @ weights for weights in _ridge_tails(explore)]),
        ("random", [rng.random(int((~half).sum())) for _ in range(TOP)]),
    ):
        proposals[tool] = [score >= np.quantile(score, 1 - SHARE) for score in scores]
    config, outcome = DiscoveryConfig(), {}
    for tool, slices in proposals.items():
        checks, signs = [], []
        for inside in slices[:TOP]:
            emotion = int(np.bincount(y_pred[~half][inside], minlength=1).argmax()) if inside.any() else 0
            checks.append(checked(inside, y_pred[~half] == emotion, y[~half], min_count=config.min_count))
            signs.append(1)
        found = verdicts(checks, np.array(signs, np.int64), alpha=config.alpha, tolerance=config.tolerance)[1]
        outcome[tool] = int("verified" in found)
    return outcome
