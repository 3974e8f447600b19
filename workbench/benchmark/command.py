"""How is the benchmark run in blocks that survive a kill, and what becomes of its table?"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import platform
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from affect_workbench import analyses, data
from affect_workbench.analyses.audit.result import versions
from affect_workbench.analyses.benchmark.experiments import experiments
from affect_workbench.analyses.benchmark.other_tools import PACKAGES, installed
from affect_workbench.analyses.benchmark.results import FAIL, QUICK_ALPHA, Experiment, Record, Row
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.storage.atomic import MARKER, is_replaceable, write_json, write_text
from affect_workbench.data.storage.leftovers import discard, recover
from affect_workbench.data.storage.progress import progress_bar
from affect_workbench.data.storage.saved import read_record
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.data.taxonomies.taxonomy import Taxonomy, closest
from affect_workbench.workbench.benchmark.report import bench_html, markdown_table, terminal_lines
from affect_workbench.workbench.benchmark.settings import BenchSettings
from affect_workbench.workbench.datasets.settings import FeaturesSettings
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.progress import Say

ALONE = ("speed", "peers")
"""Experiments that take times: nothing else of ours runs beside them."""
_OURS = ("bench.html", "bench.md", "bench.json", "pictures", "blocks")
"""What is replaced; whatever else is in the folder stays. The blocks, by whose settings it is known, go last."""


@dataclass(frozen=True)
class BenchResult:
    """The table and what it was made with.

    Attributes:
        rows: all lines.
        about: date, machine, versions, settings.
    """

    rows: tuple[Row, ...]
    about: dict[str, Any]

    @property
    def failed(self) -> bool:
        """Whether a line fails its criterion."""
        return any(row.verdict == FAIL for row in self.rows)


@writes_out(whole=False)
def bench(settings: BenchSettings, *, command: str = "", say: Say = print) -> BenchResult:
    """Runs what is not finished yet, prints the table, and writes `bench.html`, `bench.md` and `bench.json`.

    Every block is a file of its own in `blocks/`, under the fingerprint of settings, code and libraries: the same command
    goes on after a kill.

    Raises:
        FileExistsError: the folder holds blocks of other settings or another version, or something else.
        ValueError: an unknown experiment, fewer than one worker, or features without labels.
    """
    if settings.workers < 1:
        raise ValueError(f"{settings.workers} workers: expected at least one")
    out = Path(settings.out)
    _claim(out, settings)
    asked = _experiments(settings, say)
    names = [one.name for one in asked]
    for name in settings.only:
        if name not in names:
            raise ValueError(f"no experiment {name!r}: {closest(name, names)}")
    chosen = [one for one in asked if (not settings.only or one.name in settings.only) and _blocks(one, settings)]
    rows: list[Row] = []
    records = _records(chosen, settings, out / "blocks")
    for one in chosen:
        found = one.rows(records[one.name], settings.quick)
        rows += [row.softened(QUICK_ALPHA) for row in found] if settings.quick else found
    result = BenchResult(tuple(rows), _about(settings, command))
    write_text(out / "bench.html", bench_html(result.rows, result.about))
    write_text(out / "bench.md", markdown_table(result.rows, result.about))
    write_json(out / "bench.json", {"about": result.about, "rows": [asdict(row) for row in rows]})
    for line in terminal_lines(result.rows, result.about):
        say(line)
    say(f"page: {out / 'bench.html'}")
    return result


def _experiments(settings: BenchSettings, say: Say) -> list[Experiment]:
    """Those that need nothing, and those on features and on pictures where these are asked for."""
    asked = experiments()
    wanted = settings.only
    if settings.features:
        from affect_workbench.analyses.benchmark.hidden.induced import induced_experiment
        from affect_workbench.workbench.datasets.features import open_features

        taxonomy = Taxonomy.named(settings.taxonomy) if settings.taxonomy else None
        features = _labelled(open_features(settings.features, taxonomy=taxonomy))
        labels = taxonomy or Taxonomy.from_labels(sorted(features.rows["label"].unique()))
        asked.append(induced_experiment("real", "real features", features, labels, attributes=(), blocks=(1, 20)))
    if settings.pictures and not settings.quick and (not wanted or "pictures" in wanted):
        from affect_workbench.analyses.benchmark.hidden.induced import induced_experiment
        from affect_workbench.data.synthetic.scenes.world import ATTRIBUTES

        features = _labelled(_pictures(settings, say))
        labels = Taxonomy.from_labels(sorted(features.rows["label"].unique()))
        asked.append(
            induced_experiment(
                "pictures", "drawn pictures, encoded", features, labels, attributes=tuple(ATTRIBUTES), blocks=(0, 20)
            )
        )
    return asked


def _pictures(settings: BenchSettings, say: Say) -> FeatureSet:
    """Drawn pictures through the built-in encoder, kept in the folder."""
    from affect_workbench.data.synthetic.scenes.dataset import write_scenes
    from affect_workbench.workbench.datasets.command import features as encode_pictures

    root = Path(settings.out) / "pictures"
    if not (root / "world" / "manifest" / MARKER).is_file():
        write_scenes(root / "world", train=settings.pictures, test=2, seed=settings.seed, bias=None, overwrite=True)
    encode_pictures(
        FeaturesSettings(manifest=str(root / "world/manifest"), encoder="builtin:scenes", out=str(root / "features")),
        say=say,
    )
    return FeatureSet.load(root / "features")


def _labelled(features: FeatureSet) -> FeatureSet:
    """Pictures with a label; where there are only votes, the most voted one.

    Raises:
        ValueError: neither.
    """
    rows = features.rows
    votes = [str(name) for name in rows if str(name).startswith(VOTE_PREFIX)]
    if "label" not in rows and votes:
        rows = rows.assign(label=rows[votes].idxmax(axis=1).astype(str).str.slice(len(VOTE_PREFIX)))
    if "label" not in rows:
        raise ValueError("induced slices need true labels, and these features have none")
    known = rows["label"].notna().to_numpy()
    return FeatureSet(features.spec, features.values[known], rows[known])


def _records(chosen: list[Experiment], settings: BenchSettings, folder: Path) -> dict[str, list[Record]]:
    """All blocks of the chosen experiments: read where they are there, else computed and kept."""
    files = {(one.name, at): folder / f"{one.name}-{at:03d}.json" for one in chosen for at in range(_blocks(one, settings))}
    left = [key for key, path in files.items() if not path.is_file()]
    by_name = {one.name: one for one in chosen}
    with progress_bar(total=len(files), initial=len(files) - len(left), desc="bench", unit=" blocks") as bar:
        for name, at, record in _computed(left, by_name, settings):
            write_json(files[name, at], record)
            bar.set_description(name)
            bar.update()
    return {
        one.name: [
            dict(read_record(files[one.name, at], otherwise="remove it, and it is computed again").values)
            for at in range(_blocks(one, settings))
        ]
        for one in chosen
    }


def _computed(
    left: list[tuple[str, int]], by_name: dict[str, Experiment], settings: BenchSettings
) -> Iterator[tuple[str, int, Record]]:
    """Blocks as they are finished; those that other processes can make on their own side by side, if asked."""
    own = {one.name for one in experiments()} - set(ALONE)
    shared = [key for key in left if key[0] in own] if settings.workers > 1 else []
    if shared:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(settings.workers, context, initializer=_end_with, initargs=(os.getpid(),)) as pool:
            waiting = {pool.submit(block, name, at, settings.seed, settings.quick): (name, at) for name, at in shared}
            try:
                for done in as_completed(waiting):
                    yield *waiting[done], done.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    for name, at in left:
        if (name, at) not in shared:
            with threadpool_limits(1):
                yield name, at, by_name[name].run(_seed(settings.seed, name, at), settings.quick)


def _end_with(parent: int) -> None:
    """Lets a worker end when the process that started it is gone, killed without a chance to say so."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def block(name: str, at: int, seed: int, quick: bool) -> Record:
    """One block of one of the experiments that need nothing, on one thread."""
    one = next(one for one in experiments() if one.name == name)
    with threadpool_limits(1):
        return one.run(_seed(seed, name, at), quick)


def _seed(seed: int, name: str, at: int) -> list[int]:
    """A seed of its own for every block, whatever other experiments there are."""
    return [seed, int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big"), at]


def _blocks(one: Experiment, settings: BenchSettings) -> int:
    return one.blocks[not settings.quick]


def _claim(out: Path, settings: BenchSettings) -> None:
    """Makes the folder ours, or refuses what is in it."""
    for name in _OURS:
        recover(out / name, sure=True)
    mark = out / "blocks" / "settings.json"
    fingerprint = _fingerprint(settings)
    if mark.is_file():
        if read_record(mark, otherwise="remove the folder").values.get("fingerprint") == fingerprint:
            return
        if not settings.overwrite:
            raise FileExistsError(
                f"{out} holds blocks of other settings or of another version: choose another folder, or pass --overwrite"
            )
        for name in _OURS:
            if (out / name).exists():
                discard(out / name)
    elif out.exists() and not is_replaceable(out):
        raise FileExistsError(f"{out} exists and holds no benchmark: choose another folder")
    write_json(mark, {"fingerprint": fingerprint})


def _fingerprint(settings: BenchSettings) -> str:
    """Of everything that a block depends on: settings, the code of data and analyses, versions."""
    digest = hashlib.sha256()
    kept = {name: getattr(settings, name) for name in ("quick", "seed", "features", "taxonomy", "pictures")}
    found = {tool: installed(tool) for tool in PACKAGES} | versions()
    digest.update(json.dumps([kept, found], sort_keys=True).encode())
    for path in sorted(path for package in (data, analyses) for path in Path(package.__path__[0]).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _about(settings: BenchSettings, command: str) -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count() or 1} cores, {memory:.0f} GiB, {platform.machine()}",
        "quick": settings.quick,
        "seed": settings.seed,
        "versions": versions(),
        "peers": {tool: installed(tool) or "absent" for tool in PACKAGES},
    }
