"""On data without any bias: how often do the intervals of all tables hold zero, and how often is p at most .05?

A coin assigns an attribute to pictures, to whole groups of pictures that share their label, or to each picture of a group.
Whatever an audit or a comparison of two models then says of it is chance. The cells of one data set depend on each other, so
the error of each share is taken over data sets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.compare.compare import compare
from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.analyses.benchmark.promises.sampling import PAIR
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.synthetic.embeddings import Population, planted_embeddings
from affect_workbench.data.tables.columns import CORE_COLUMNS

INTERVALS = (
    ("effect", "low", "high"),
    ("label_gap", "label_gap_low", "label_gap_high"),
    ("model_gap", "model_gap_low", "model_gap_high"),
    ("within", "within_low", "within_high"),
    ("excess", "low", "high"),
    ("pull", "low", "high"),
    ("pull_within", "within_low", "within_high"),
    ("difference", "difference_low", "difference_high"),
    ("difference", "low", "high"),
    ("skew", "low", "high"),
    ("selectivity", "selectivity_low", "selectivity_high"),
    ("change", "low", "high"),
    ("gap", "gap_low", "gap_high"),
)
OF_SOMETHING_ELSE = {
    ("structure", "difference"),
    ("structure", "pull"),
    ("space_margins", "difference"),
    ("findings", "excess"),
}
"""Where the columns `low` and `high` are the interval of another number than the one of this name."""
NOT_NULL = ("space_alignment",)
"""Its question is whether pictures lie as words do, and they do."""
TEST = "p of "


@dataclass(frozen=True)
class Assignment:
    """How the coin assigns.

    Attributes:
        name: in words.
        group: pictures of a group; 1 for independent ones.
        within: share of the pictures that are assigned a side of their own, instead of their group's.
        votes: whether the truth is ten votes a picture.
        paired: whether groups of two are pairs with one picture on either side, kept in `pair_id`; both have the same label.
    """

    name: str
    group: int = 1
    within: float = 0.0
    votes: bool = False
    paired: bool = False


ASSIGNMENTS = (
    Assignment("independent"),
    Assignment("in groups of 10", 10),
    Assignment("groups on both sides", 10, within=1.0),
    Assignment("half the groups on both sides", 10, within=0.5),
    Assignment("votes", votes=True),
    Assignment("votes, in groups of 10", 10, votes=True),
    Assignment("pairs", 2, paired=True),
)


class Counted(NamedTuple):
    """Of what, how many cells, and how many of them were as promised."""

    of: str
    cells: int
    n_valid: int


def whole_audit(assignment: Assignment, seed: Sequence[int], *, n: int) -> list[Counted]:
    """What the tables of one data set say of a coin."""
    rng = np.random.default_rng([*seed, 5])
    population = Population(width=64, cluster_size=assignment.group)
    world = planted_embeddings("null", n=n, seed=seed[-1], mechanism="vectors", population=population)
    of = np.arange(n) // assignment.group
    rows = world.rows[[name for name in world.rows if not str(name).startswith("attribute_")]]
    own, groups_own = rng.random(n) < 0.3, rng.random(of[-1] + 1)[of] < 0.3
    heads = np.where(rng.random(n) < assignment.within, own, groups_own)
    if assignment.paired:
        heads = (np.arange(n) + (rng.random(of[-1] + 1) < 0.5)[of]) % 2 == 0
        rows = rows.assign(**{PAIR if PAIR in CORE_COLUMNS else "group_id": of})
    if assignment.votes:
        label = world.taxonomy.codes(rows["label"])
        cast = np.where(rng.random((n, 10)) < 0.5, label[:, None], rng.integers(len(world.taxonomy), size=(n, 10)))
        votes = {f"vote_{name}": (cast == at).sum(axis=1) for at, name in enumerate(world.taxonomy.labels)}
        rows = rows.drop(columns="label").assign(**votes)
    rows = rows.assign(
        coin=np.where(heads, "heads", "tails"),
        number=np.exp(0.7 * rng.normal(size=n) + 0.7 * rng.normal(size=of[-1] + 1)[of]),
    )
    held = () if assignment.votes else ("label",)
    asked = AuditConfig(
        attributes=("coin",), map_pictures=0, space_pictures=600, draws=199, adjust_for=held, outcomes=("number",)
    )
    audit = run_audit(world.predictions.with_rows(rows), asked)
    first, second = (
        Predictions(
            world.distances + 0.2 * rng.normal(size=world.distances.shape),
            rows.drop(columns="number"),
            world.taxonomy,
            "score",
        )
        for _ in range(2)
    )
    models = compare(first, second, config=AuditConfig(attributes=("coin",)))
    tables = {"findings": audit.findings, "structure": audit.structure, **audit.tables}
    tables |= {"compare, readings": models.changes, "compare, accuracy": models.slices}
    return rows_of(tables)


def rows_of(tables: Mapping[str, pd.DataFrame]) -> list[Counted]:
    """Of one side of the coin, since the other mirrors it."""
    found = []
    for name, whole in tables.items():
        if name in NOT_NULL:
            continue
        table = whole[whole["slice"].astype(str).str.endswith("heads")] if "slice" in whole else whole
        for number, low, high in INTERVALS:
            if {number, low, high} <= set(table) and not (low == "low" and (name, number) in OF_SOMETHING_ELSE):
                ends = table[[low, high]].astype(float).dropna()
                held = int(((ends[low] <= 0) & (ends[high] >= 0)).sum())
                found.append(Counted(f"{name}: {number}", len(ends), held))
        if "p" in table:
            p = table["p"].astype(float).dropna()
            found.append(Counted(TEST + name, len(p), int((p > 0.05).sum())))
    return [one for one in found if one.cells]
