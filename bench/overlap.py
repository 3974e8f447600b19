"""How fast are copies found among many features, beside comparing all with all, and in how much memory?"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import pandas as pd

from affect_workbench.analyses.duplicates.find import PictureSet, overlap
from affect_workbench.data.storage.arrays import unit_rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--features", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--copies", type=int, default=500)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    n, width, copies = given.features, given.width, given.copies
    scale = np.arange(1, width + 1) ** -0.5  # encoders' features spread unevenly over directions
    values = (rng.normal(size=(n, width)) * scale).astype(np.float32)
    where = rng.choice(n, size=2 * copies, replace=False)
    values[where[:copies]] = values[where[copies:]] + 0.01 * scale * rng.normal(size=(copies, width))
    rows = pd.DataFrame({"image_id": np.arange(n).astype(str)})
    started = time.perf_counter()
    result = overlap(PictureSet(rows, features=values))
    ours = time.perf_counter() - started
    found = set(map(frozenset, result.pairs[["a", "b"]].to_numpy().tolist()))
    planted = set(map(frozenset, np.stack([where[:copies], where[copies:]], axis=1).tolist()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{n:,} features x {width}, compared with each other: {ours:.1f} s, peak memory of the process {peak:,.0f} MiB; "
        f"{len(found & planted)} of {copies} planted near copies found, {len(found - planted)} other pair(s)"
    )
    unit, started = unit_rows(values), time.perf_counter()
    block = 1_000
    for start in range(0, 10 * block, block):
        np.argwhere(unit[start : start + block] @ unit.T >= result.threshold)
    plain = (time.perf_counter() - started) * n / (10 * block)
    print(f"all with all, extrapolated from 10,000 rows: {plain:.1f} s, {plain / ours:.1f} times ours")


if __name__ == "__main__":
    main()
