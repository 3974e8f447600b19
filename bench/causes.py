"""A million pictures, eight attributes: does the first sentence name the two planted biases, and how long is their search?

Processor seconds count, so that what else runs on the machine does not.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence

import numpy as np

from affect_workbench.analyses.audit import run
from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.skew.causes import table
from affect_workbench.data.synthetic.predictions import TableWorld, table_world
from affect_workbench.workbench.report.first_page.headline import headline

SIZES = (2, 2, 3, 3, 4, 4, 2, 2)
SEARCH_SECONDS = 5.0
"""Most processor seconds that the search may take with three causes."""
Plant = tuple[Mapping[str, int], int, float]
"""Where, which emotion, and in which share of its pictures it is predicted instead."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    world = table_world(rng, sizes=SIZES)
    names = world.attributes
    first, second, third = (int(at) for at in rng.choice(len(world.taxonomy), 3, replace=False))
    two: list[Plant] = [({names[2]: 1}, first, 0.08), ({names[4]: 2}, second, 0.05)]
    three = [*two, ({names[0]: 1, names[5]: 0}, third, 0.15)]
    held = []
    for plants in (two, three):
        told, found, searched, whole = _audited(world, plants, given.pictures, rng)
        held.append(found)
        print(f"{'  ' if found else '! '}{len(plants)} planted, found are just these: {told}")
        print(f"  causes with threshold and stability: {whole:.1f} processor seconds")
        if len(plants) == len(three):
            held.append(searched <= SEARCH_SECONDS)
            mark = "  " if held[-1] else "! "
            print(f"{mark}search of {len(plants)} causes: {searched:.1f} processor seconds (at most {SEARCH_SECONDS:g})")
    return int(not all(held))


def _audited(
    world: TableWorld, plants: Sequence[Plant], pictures: int, rng: np.random.Generator
) -> tuple[str, bool, float, float]:
    """The first sentence of an audit, whether just what was planted is found, and seconds of the search and of all of it.

    Two causes stand in the first sentence both; of three it names the first one.
    """
    for where, emotion, strength in plants:
        world = world.read(where, emotion, strength)
    took = {"search": 0.0, "find_causes": 0.0}
    with _Timed(table, "search", took), _Timed(run, "find_causes", took):
        result = run.run_audit(world.draw(pictures, rng), AuditConfig(map_pictures=0, further=False))
    wanted = {
        (frozenset((name, f"v{value}") for name, value in where.items()), world.taxonomy.labels[emotion])
        for where, emotion, _ in plants
    }
    told = headline(result)
    causes = {
        (frozenset((name, str(value)) for name, value in where.items()), emotion)
        for where, emotion in zip(result.causes["where"], result.causes["emotion"], strict=True)
    }
    spelt = all(name in told for name in result.causes["slice"])
    return told, causes == wanted and (spelt or len(plants) > 2), took["search"], took["find_causes"]


class _Timed:
    """While it is open, calls of a module's function add their processor seconds to a table."""

    def __init__(self, module: object, name: str, took: dict[str, float]) -> None:
        self._module, self._name, self._took, self._real = module, name, took, getattr(module, name)

    def __enter__(self) -> None:
        def timed(*given: object, **more: object) -> object:
            started = time.process_time()
            try:
                return self._real(*given, **more)
            finally:
                self._took[self._name] += time.process_time() - started

        setattr(self._module, self._name, timed)

    def __exit__(self, *_: object) -> None:
        setattr(self._module, self._name, self._real)


if __name__ == "__main__":
    sys.exit(main())
