"""Three biases at once, and all that follows from them: does the list that a reader is given name just these three?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.benchmark.decision_rules import (
    SLICELINE_MOST,
    Counted,
    counted,
    divexplorer_divergence,
    sliceline_score,
)
from affect_workbench.analyses.benchmark.results import Experiment, Record, Row, mean_row, share_row, values_of
from affect_workbench.analyses.benchmark.tables import LARGEST, SMALLEST
from affect_workbench.analyses.inference.verdicts import Rules
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.synthetic.predictions import TableWorld, table_world

TIMES = (3, 10)
"""Data sets a block, quick and full."""
STRENGTHS = (0.15, 0.12, 0.25)
"""Share of replaced predictions on the confounded attribute, on the single one and in the intersection."""
AGREEMENT = 0.7
"""Share of the pictures in which the innocent attribute follows the guilty one."""
OF_LABELS = 0.2
"""Share of each value of a third attribute that truly shows an emotion of its own."""
PEOPLE, CONCENTRATION = 10, 3.0
"""Votes on a picture, and how near the share of all people is to that of its cell: two votes correlate by a quarter."""
WAYS = ("replaced", "odds multiplied")
"""What is predicted is replaced by the emotion in a share of the pictures, or its odds are multiplied to the same effect."""
MOST_CAUSES = 4
LISTS = ("DivExplorer", "SliceLine", "skewed cells")

Entry = tuple[SliceSpec, int | None]
"""A slice and an emotion of it; None where a tool names none."""


def causes_experiment(
    name: str, *, pictures: int, all_three: float, extra: float | None, blocks: tuple[int, int], voted: bool = False
) -> Experiment:
    """Three biases a data set: on a confounded attribute, on a single one and in an intersection.

    Args:
        name: of the experiment.
        pictures: of a data set.
        all_three: share of the data sets in which all three are to be named.
        extra: mean number of other causes that is allowed; None: it is told only.
        blocks: of a quick run and of a full one.
        voted: with votes in place of labels.
    """

    def run(seed: Sequence[int], quick: bool) -> Record:
        rng = np.random.default_rng(seed)
        found: dict[str, list[Any]] = {key: [] for key in ("way", "named", "causes", "others", "flagged", "lists")}
        for at in range(TIMES[not quick]):
            way = WAYS[at % len(WAYS)]
            world, targets = three_causes(rng, way=way)
            predictions = (
                world.draw_voted(pictures, rng, people=PEOPLE, concentration=CONCENTRATION)
                if voted
                else world.draw(pictures, rng)
            )
            result = run_audit(predictions, AuditConfig(map_pictures=0, further=False))
            told = entries(result.causes, predictions)
            hits = [target in told for target in targets]
            found["way"].append(way)
            found["named"].append(int(all(hits)))
            found["causes"].append(len(told))
            found["others"].append(len(told) - sum(hits))
            found["flagged"].append(result.count("skewed"))
            found["lists"].append({} if voted else lists_of(predictions, targets))
        return found

    def rows(records: Sequence[Record], quick: bool) -> list[Row]:
        named, causes, more = (values_of(records, key) for key in ("named", "causes", "others"))
        ways, flagged, lists = (values_of(records, key) for key in ("way", "flagged", "lists"))
        what = f"three causes, n = {pictures:,}{f', votes of {PEOPLE} people' if voted else ''}"
        each = ", ".join(
            f"{way} {sum(hit for hit, own in zip(named, ways, strict=True) if own == way)} of {ways.count(way)}"
            for way in WAYS
        )
        shown = [tool for tool in LISTS if lists[0]]
        whole, first, length = (
            {tool: float(np.mean([one[tool][key] for one in lists])) for tool in shown}
            for key in ("all", "first", "entries")
        )
        lines = [
            share_row(
                sum(named),
                len(named),
                at_least=all_three,
                kind="gate",
                name=f"{what}: all three named",
                others=whole,
                note=f"{each}" + ("; other lists: named anywhere in them" if shown else ""),
            ),
            mean_row(
                more,
                at_most=extra,
                kind="gate",
                name=f"{what}: other causes a data set",
                note=f"any in {sum(one > 0 for one in more)} of {len(more)}",
            ),
            share_row(
                sum(one <= MOST_CAUSES for one in causes),
                len(causes),
                kind="gate",
                at_least=0.95,
                name=f"{what}: at most {MOST_CAUSES} causes",
                note=f"{min(flagged)} to {max(flagged)} skewed cells, {min(causes)} to {max(causes)} causes",
            ),
        ]
        if not shown:
            return lines
        # A list of causes is read whole.
        exact = [int(hit and not other) for hit, other in zip(named, more, strict=True)]
        return [
            *lines,
            mean_row(causes, kind="list", name=f"{what}: entries of the list", others=length),
            share_row(
                sum(exact),
                len(exact),
                kind="list",
                name=f"{what}: these three first",
                others=first,
                note="causes: these three and no other; a list: the three are its first three",
            ),
        ]

    return Experiment(name, blocks, run, rows)


def no_cause_experiment(*, blocks: tuple[int, int]) -> Experiment:
    """Nothing is planted, half of the times labels are tied to an attribute: is there a cause all the same?"""

    def run(seed: Sequence[int], quick: bool) -> Record:
        rng = np.random.default_rng(seed)
        found = []
        for at in range(TIMES[not quick]):
            world = table_world(rng)
            n = int(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST))))
            predictions = (_tied_to_labels(world, rng) if at % 2 else world).draw(n, rng)
            found.append(len(run_audit(predictions, AuditConfig(map_pictures=0, further=False)).causes))
        return {"causes": found}

    def rows(records: Sequence[Record], quick: bool) -> list[Row]:
        found = values_of(records, "causes")
        any_cause = sum(one > 0 for one in found)
        return [share_row(any_cause, len(found), at_most=0.075, kind="gate", name="null: any cause")]

    return Experiment("causes-null", blocks, run, rows)


def three_causes(rng: np.random.Generator, *, way: str = WAYS[0]) -> tuple[TableWorld, list[Entry]]:
    """A world with three biases, and the (slice, emotion) of each."""
    world = table_world(rng)
    one, two, _, four, five, six = world.attributes
    world = _tied_to_labels(world.tied(five, four, AGREEMENT), rng)
    places = [
        {name: int(rng.integers(world.codes[:, world.attributes.index(name)].max() + 1)) for name in names}
        for names in ((five,), (one,), (two, six))
    ]
    emotions = rng.choice(len(world.taxonomy), len(places), replace=False)
    for place, emotion, strength in zip(places, emotions, STRENGTHS, strict=True):
        changed = world.read(place, int(emotion), strength)
        world = changed if way == WAYS[0] else _as_strong(world, changed, place, int(emotion))
    specs = [SliceSpec.from_json({name: f"v{value}" for name, value in place.items()}) for place in places]
    return world, [(spec, int(emotion)) for spec, emotion in zip(specs, emotions, strict=True)]


def _tied_to_labels(world: TableWorld, rng: np.random.Generator) -> TableWorld:
    """Pictures of each value of the third attribute show some emotion more often."""
    for value in range(int(world.codes[:, 2].max()) + 1):
        world = world.labelled({world.attributes[2]: value}, int(rng.integers(len(world.taxonomy))), OF_LABELS)
    return world


def _as_strong(world: TableWorld, other: TableWorld, place: Mapping[str, int], emotion: int) -> TableWorld:
    """With the emotion's odds multiplied so that it is predicted as often in the place as in the other world."""
    inside = world.where(place)
    wanted = other.rates(inside)[emotion]

    def apart(log_odds: float) -> float:
        return float(world.exaggerated(place, emotion, np.exp(log_odds)).rates(inside)[emotion] - wanted)

    return world.exaggerated(place, emotion, np.exp(optimize.brentq(apart, 0.0, 10.0)))


def entries(table: pd.DataFrame, predictions: Predictions) -> list[Entry]:
    """The cells of a table, in its order."""
    place = {label: at for at, label in enumerate(predictions.taxonomy.labels)}
    return [(SliceSpec.from_json(where), place[name]) for where, name in zip(table["where"], table["emotion"], strict=True)]


def lists_of(predictions: Predictions, targets: Sequence[Entry]) -> dict[str, dict[str, int]]:
    """What other lists say of the same data: their entries, and whether the targets are the first, or there at all.

    DivExplorer: cells more than two standard errors from all pictures, the largest divergence first, without those whose
    divergence differs by no more than our tolerance from that without one of their conditions (redundancy pruning, Pastor et
    al. 2021). SliceLine: its ten best slices; it names no emotion, so that a slice is enough. Skewed cells: those of the
    audit that are no repetition of a parent, largest first, as they are told without causes.
    """
    table = counted(predictions)
    plain = run_audit(predictions, AuditConfig(map_pictures=0, further=False, causes=False)).findings
    plain = plain[(plain["verdict"] == "skewed") & plain["explained_by"].isna()]
    told: dict[str, list[Entry]] = {
        "DivExplorer": _pruned(table),
        "SliceLine": _top_slices(table),
        "skewed cells": entries(plain, predictions),
    }
    found = {}
    for tool, listed in told.items():
        wanted = [(spec, None) for spec, _ in targets] if tool == "SliceLine" else list(targets)
        found[tool] = {
            "entries": len(listed),
            "first": int(set(listed[: len(wanted)]) == set(wanted)),
            "all": int(set(wanted) <= set(listed)),
        }
    return found


def _pruned(table: Counted) -> list[Entry]:
    """DivExplorer's cells after redundancy pruning, the largest divergence first."""
    divergence, flagged = divexplorer_divergence(table)
    specs = table.sums.specs
    of = {spec.conditions: own for spec, own in zip(specs, divergence, strict=True)}
    kept = flagged.copy()
    for at, spec in enumerate(specs):
        for left_out in spec.conditions:
            parent = tuple(one for one in spec.conditions if one != left_out)
            kept[at] &= np.abs(divergence[at] - of.get(parent, 0.0)) > Rules().tolerance
    order = np.argsort(-np.abs(divergence[kept]), kind="stable")
    return [(specs[at], int(emotion)) for at, emotion in np.argwhere(kept)[order]]


def _top_slices(table: Counted) -> list[Entry]:
    score = sliceline_score(table)
    top = np.argsort(-score, kind="stable")[:SLICELINE_MOST]
    return [(table.sums.specs[at], None) for at in top if score[at] > 0]
