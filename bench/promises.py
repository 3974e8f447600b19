"""On data without any bias: how often do the intervals of all tables hold zero, and how often is p at most .05?

An attribute is dealt out by a coin, to pictures or to whole groups of pictures that share their label. Whatever an audit
or a comparison of two models then says of it is chance. An interval promises to hold zero in 95 %, a test to reach p <= .05
in at most 5 %; the cells of one data set depend on each other, so the error of each share is taken over data sets.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from analyses.audit import run_audit
from analyses.compare import compare
from analyses.config import AuditConfig
from data.planted_embeddings import planted_embeddings
from data.predictions import Predictions

INTERVALS = (
    ("effect", "low", "high"), ("composition", "composition_low", "composition_high"), ("shift", "shift_low", "shift_high"),
    ("within", "within_low", "within_high"), ("excess", "low", "high"), ("pull", "low", "high"),
    ("pull_within", "within_low", "within_high"), ("difference", "difference_low", "difference_high"),
    ("difference", "low", "high"), ("skew", "low", "high"), ("selectivity", "selectivity_low", "selectivity_high"),
    ("change", "low", "high"),
)  # fmt: skip
OF_SOMETHING_ELSE = {
    ("structure", "difference"),
    ("structure", "pull"),
    ("space_margins", "difference"),
    ("findings", "excess"),
}
"""Where the columns `low` and `high` are the interval of another number than the one of this name."""
NOT_NULL = ("space_alignment",)
"""Its question is whether pictures lie as words do, and they do."""
COUNTED = ["of", "cells", "as_promised"]
TEST = "p of "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=100, help="data sets")
    parser.add_argument("--pictures", type=int, default=2_000)
    parser.add_argument("--groups", type=int, nargs="+", default=[1, 10], help="pictures of a group, one run each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    seeds, columns = range(given.seed, given.seed + given.sets), {}
    with ProcessPoolExecutor(given.workers, get_context("spawn")) as pool:
        for group in given.groups:
            sets = pool.map(partial(counted, n=given.pictures, group=group), seeds)
            found = pd.concat(tqdm(sets, total=given.sets, desc=f"data sets, {group} a group", leave=False))
            title = "independent" if group == 1 else f"in groups of {group}"
            columns[title] = found.groupby("of", sort=True)[["cells", "as_promised"]].apply(held)
    print(f"{given.sets} data sets of {given.pictures:,} pictures: intervals that hold zero, and tests with p > .05\n")
    print(f"| | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for of, shares in pd.DataFrame(columns).fillna("").iterrows():
        print(f"| {of} | {' | '.join(shares)} |")


def held(rows: pd.DataFrame) -> str:
    """The share with its standard error over data sets."""
    each = (rows["as_promised"] / rows["cells"]).to_numpy()
    return f"{rows['as_promised'].sum() / rows['cells'].sum():.3f} (± {each.std(ddof=1) / np.sqrt(len(each)):.3f})"


def counted(seed: int, *, n: int, group: int) -> pd.DataFrame:
    """What the tables of one data set say of a coin: columns `COUNTED`."""
    with threadpool_limits(1):
        world = planted_embeddings("null", n=n, seed=seed, mechanism="vectors", width=64, cluster_size=group)
        rng, of = np.random.default_rng([seed, 5]), np.arange(n) // group
        rows = world.rows[[name for name in world.rows if not str(name).startswith("attribute_")]]
        rows = rows.assign(
            coin=np.where(rng.random(of[-1] + 1)[of] < 0.3, "heads", "tails"),
            number=np.exp(0.7 * rng.normal(size=n) + 0.7 * rng.normal(size=of[-1] + 1)[of]),
        )
        asked = AuditConfig(
            attributes=("coin",), map_pictures=0, space_pictures=600, draws=199, adjust_for=("label",), outcomes=("number",)
        )
        audit = run_audit(world.predictions.with_rows(rows), asked)
        first, second = (
            Predictions(
                world.distances + 0.2 * rng.normal(size=world.distances.shape), rows.drop(columns="number"), world.taxonomy,
                "score",
            )
            for _ in range(2)
        )  # fmt: skip
        models = compare(first, second, AuditConfig(attributes=("coin",)))
    tables = {"findings": audit.findings, "structure": audit.structure, **audit.tables}
    tables |= {"compare, readings": models.changes, "compare, accuracy": models.slices}
    return pd.DataFrame(rows_of(tables), columns=COUNTED)


def rows_of(tables: Mapping[str, pd.DataFrame]) -> list[tuple[str, int, int]]:
    """Of one side of the coin, since the other mirrors it."""
    found = []
    for name, whole in tables.items():
        if name in NOT_NULL:
            continue
        table = whole[whole["slice"].astype(str).str.endswith("heads")] if "slice" in whole else whole
        for number, low, high in INTERVALS:
            if {number, low, high} <= set(table) and not (low == "low" and (name, number) in OF_SOMETHING_ELSE):
                ends = table[[low, high]].astype(float).dropna()
                found.append((f"{name}: {number}", len(ends), int(((ends[low] <= 0) & (ends[high] >= 0)).sum())))
        if "p" in table:
            p = table["p"].astype(float).dropna()
            found.append((TEST + name, len(p), int((p > 0.05).sum())))
    return [(of, cells, count) for of, cells, count in found if cells]


if __name__ == "__main__":
    main()
