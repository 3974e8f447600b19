"""Does every interval hold what it promises, and every test, however pictures were sampled; and is nobody blamed wrongly?

Three kinds of data sets with known answers, all in `analyses.benchmark`: thousands of small ones by design of sampling
(`sampling`), a few hundred whole audits of a coin (`whole_audits`), and worlds in which labels explain every skew, or the
model adds to some (`attribution_worlds`). A line fails where a one-sided binomial test (over data sets; a t test where the
cells of one set go into a share) says that a nominal .05 rejects more than .06, that a nominal .95 holds less than .94, or
that an attribution is false more often than .05. Holding more than .97 is caution, and must have a reason (`WIDE`).

Every block of data sets is a file; the same command goes on where it was stopped. Exits with 1 where a line fails.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy import stats
from threadpoolctl import threadpool_limits

from affect_workbench.analyses.benchmark.promises import attribution as worlds
from affect_workbench.analyses.benchmark.promises.promises import TRUTHS, promises
from affect_workbench.analyses.benchmark.promises.sampling import DESIGNS
from affect_workbench.analyses.benchmark.promises.whole_audits import ASSIGNMENTS, TEST, whole_audit
from affect_workbench.data.storage.progress import progress_bar

BLOCK = 50
"""Data sets of a file; whole audits are a fifth of that."""
REJECTED, HELD, WIDE_FROM, FALSE, FOUND = 0.06, 0.94, 0.97, 0.05, 0.8
SURE = 0.05
WIDE = (
    (
        "rare emotion",
        "counts are whole: `analyses.inference.clusters`, `analyses.inference.intervals.paired_shift_interval`",
    ),
    ("findings: shift", "two pictures more on either side: `analyses.inference.intervals.paired_shift_interval`"),
    ("compare: change", "two pictures more on either side: `analyses.inference.paired.mean_change_interval`"),
    ("compare, ", "two pictures more on either side: `analyses.inference.paired.mean_change_interval`"),
    ("12 groups", "few degrees of freedom: `analyses.inference.clusters`"),
    ("20 people", "few degrees of freedom: `analyses.inference.clusters`"),
    ("40 groups", "few degrees of freedom: `analyses.inference.clusters`"),
    ("pairs, 2000 findings: label_gap", "a pair has one label, no gap to miss: `analyses.benchmark.promises.whole_audits`"),
    ("confusions", "few pictures of one label predicted as one other: the exact test of few counts"),
    ("odds", "few pictures of one label: the exact test of few counts"),
    ("comparability", "excess cannot fall below chance: `analyses.inference.resampling`"),
    ("distribution", "excess cannot fall below chance: `analyses.inference.resampling`"),
    ("retrieval", "excess cannot fall below chance, and the most pictures of a ranking: `analyses.disparities.ranking`"),
    ("selectivity", "the bounds of a probe over folds: `analyses.space.erasure.linear_probe`"),
)
"""Part of a line -> why it may hold more than `WIDE_FROM`, and where that is written."""
Block = dict[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=2_000, help="data sets of each design of sampling")
    parser.add_argument("--audits", type=int, default=200, help="whole audits of each way to deal a coin")
    parser.add_argument("--worlds", type=int, default=400, help="worlds of each kind for attributions")
    parser.add_argument("--pictures", type=int, default=2_000, help="of a whole audit")
    parser.add_argument("--only", default="", help="designs whose name holds this text")
    parser.add_argument("--emotion6", type=Path, default=Path("../shared/data/emotion6"), help="folder of its ratings")
    parser.add_argument("--quick", action="store_true", help="a handful of each: whether it runs, not what it finds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/promises"), help="folder of the blocks")
    sys.exit(run(parser.parse_args()))


def run(given: argparse.Namespace) -> int:
    """Works off all blocks that are not there yet, prints the tables; 1 where a line fails."""
    if given.quick:
        given.sets, given.audits, given.worlds, given.pictures = 4, 1, 4, 400
    lines = []
    with ProcessPoolExecutor(given.workers, get_context("spawn")) as pool:
        for name, sets, size, work in _asked(given):
            if given.only in name:
                folder = given.output / f"seed-{given.seed}"
                lines += judged(name, _merged(_blocks(name, sets, size, work, folder, given.seed, pool)))
    print(table(lines))
    failed = [line for line in lines if line[-1].startswith("FAILS")]
    print(f"\n{len(lines) - len(failed)} of {len(lines)} lines hold what they promise.")
    return int(bool(failed) and not given.quick)


def _asked(given: argparse.Namespace) -> Iterable[tuple[str, int, int, Callable[[list[int]], Block]]]:
    """Name, data sets, data sets of a block, and what is done with the seed of one."""
    for scheme in DESIGNS:
        for truth in TRUTHS:
            yield f"{scheme.name}; {truth}", given.sets, BLOCK, partial(_of_design, scheme, truth)
    for dealt in ASSIGNMENTS:
        yield f"audit, {dealt.name}, {given.pictures}", given.audits, BLOCK // 5, partial(_of_audit, dealt, given.pictures)
    real = worlds.emotion6(given.emotion6)
    kinds = {"labels of Emotion6 explain every skew": partial(worlds.label_only, pictures=real)} if real else {}
    kinds |= {
        "labels explain every skew": worlds.label_only,
        "the model adds to some": worlds.mixed,
        "the model adds ten points": worlds.planted,
    }
    for name, world in kinds.items():
        yield f"world: {name}", given.worlds, BLOCK, partial(_of_world, world)


def _of_design(scheme, truth: str, seed: list[int]) -> Block:
    found: Block = {}
    for differ in (False, True):
        for of, covered, rejected in promises(scheme, [*seed, int(differ)], truth=truth, differ=differ):
            line = f"{of}{' where there is one' if differ else ''}"
            found |= {f"{line}|held": [float(covered)]} if covered is not None else {}
            found |= {f"{line}|rejected": [float(rejected)]} if rejected is not None else {}
    return found


def _of_audit(dealt, n: int, seed: list[int]) -> Block:
    found: Block = {}
    for of, cells, n_valid in whole_audit(dealt, seed, n=n):
        share = n_valid / cells
        found[f"{of.removeprefix(TEST)}|rejected" if of.startswith(TEST) else f"{of}|held"] = [
            1 - share if of.startswith(TEST) else share
        ]
    return found


def _of_world(world: Callable[[list[int]], worlds.AttributionCounts], seed: list[int]) -> Block:
    attribution_counts = world(seed)
    found: Block = {"skewed pairs|number": [float(attribution_counts.skewed)]}
    if attribution_counts.found is None:
        found["any attribution|false"] = [float(attribution_counts.ascribed > 0)]
    else:
        found["false among attributions|false"] = [attribution_counts.false / max(attribution_counts.ascribed, 1)]
        found["planted pair is ascribed to the model|found"] = [float(attribution_counts.found)]
    return found


def _blocks(name, sets, size, work, folder: Path, seed: int, pool: ProcessPoolExecutor) -> Iterable[Block]:
    starts = list(range(0, sets, size))
    safe = "".join(one if one.isalnum() else "-" for one in name)
    paths = [folder / f"{safe}-{start}-{min(start + size, sets)}.json" for start in starts]
    left = [(at, path) for at, path in zip(starts, paths, strict=True) if not path.is_file()]
    folder.mkdir(parents=True, exist_ok=True)
    todo = (pool.submit(_block, work, [[seed, at] for at in range(start, min(start + size, sets))]) for start, _ in left)
    for (_, path), done in progress_bar(list(zip(left, list(todo), strict=True)), desc=name):
        partial_file = path.with_suffix(".part")
        partial_file.write_text(json.dumps(done.result()), encoding="utf-8")
        partial_file.replace(path)
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def _block(work: Callable[[list[int]], Block], seeds: Sequence[list[int]]) -> Block:
    with threadpool_limits(1):
        return _merged(work(seed) for seed in seeds)


def _merged(blocks: Iterable[Block]) -> Block:
    whole: Block = defaultdict(list)
    for block in blocks:
        for line, values in block.items():
            whole[line] += values
    return dict(whole)


def judged(name: str, found: Block) -> list[tuple[str, str, str, str, str]]:
    """Lines of one design: name, of what, share with its error, data sets, and what is to be said."""
    return [(name, *line.split("|"), *_told(f"{name} {line}", np.array(values))) for line, values in sorted(found.items())]


def _told(line: str, values: np.ndarray) -> tuple[str, str]:
    kind, share, n = line.rsplit("|", 1)[1], float(values.mean()), len(values)
    shown = f"{share:.3f} (± {values.std() / np.sqrt(n):.3f}, {n:,})"
    if kind == "rejected" and sure_of(values, REJECTED, more=True):
        return shown, f"FAILS: surely more than {REJECTED}"
    if kind == "false" and sure_of(values, FALSE, more=True):
        return shown, f"FAILS: surely more than {FALSE}"
    if kind == "held" and sure_of(values, HELD, more=False):
        return shown, f"FAILS: surely less than {HELD}"
    if kind == "found" and sure_of(values, FOUND, more=False):
        return shown, f"FAILS: surely less than {FOUND}"
    if kind == "held" and sure_of(values, WIDE_FROM, more=True):
        why = next((reason for part, reason in WIDE if part in line), None)
        return shown, f"cautious: {why}" if why else f"FAILS: surely more than {WIDE_FROM}, without a reason"
    return shown, "holds" if kind != "number" else ""


def sure_of(values: np.ndarray, bar: float, *, more: bool) -> bool:
    """Whether the mean of `values (sets,)` surely lies beyond the bar: exact where each is a yes or no, else Student's."""
    side = "greater" if more else "less"
    if np.isin(values, (0.0, 1.0)).all():
        return bool(stats.binomtest(int(values.sum()), len(values), bar, alternative=side).pvalue < SURE)
    if len(values) < 2:
        return False
    return bool(stats.ttest_1samp(values, bar, alternative=side).pvalue < SURE)


def table(lines: Sequence[tuple[str, str, str, str, str]]) -> str:
    """Markdown."""
    head = "| data sets | of | what | share (± standard error, sets) | |\n|---|---|---|---|---|"
    return "\n".join([head, *(f"| {' | '.join(line)} |" for line in lines)])


if __name__ == "__main__":
    main()
