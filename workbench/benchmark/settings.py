"""What can be said to the commands that make data of a known answer: demo, bench?"""

from __future__ import annotations

from dataclasses import dataclass

from affect_workbench.workbench.interface.fields import option


@dataclass(frozen=True)
class DemoSettings:
    """Draw pictures, plant a bias in the training labels, encode, train a probe, audit it: the whole road."""

    out: str = option("runs/demo", "folder to write pictures, features, probe and audit to", short="-o")
    bias: bool = option(True, "plant the bias; --no-bias trains on fair labels")
    table: bool = option(False, "plant in made-up features instead of pictures (faster, three kinds of bias)")
    pictures: int = option(4_000, "pictures to draw, half of them to audit; with --table all of them are audited")
    seed: int = option(0, "seed of the data, the training and the map")
    show: bool = option(True, "open the report in the browser when run from a desktop terminal")


@dataclass(frozen=True)
class BenchSettings:
    """PlantedSkew: data whose right answer is known, every test and search of the workbench on them, beside other tools."""

    out: str = option("runs/bench", "folder to write bench.html, bench.md and the finished blocks to", short="-o")
    quick: bool = option(False, "fewer and smaller data sets: under a minute; speed and pictures are not judged")
    seed: int = option(0, "seed of all data; any other seed must pass too")
    workers: int = option(1, "processes that work on blocks side by side; times are taken alone")
    features: str = option("", "labelled feature folder or TinyEmo tree on which slices are induced too")
    taxonomy: str = option("", "labels of --features; those found when not given")
    pictures: int = option(3_000, "pictures to draw and encode for slices in pictures, in a full run; 0 for none")
    only: tuple[str, ...] = option((), "experiments to run, by name, with commas; all when not given")
    overwrite: bool = option(False, "throw away blocks of other settings or of another version")
