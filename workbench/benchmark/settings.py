"""What can be set for the commands that make data with a known answer: demo, bench?"""

from __future__ import annotations

from dataclasses import dataclass

from affect_workbench.workbench.interface.fields import option, path_option


@dataclass(frozen=True)
class DemoSettings:
    """Draw pictures, plant a bias in the training labels, encode, train a probe and audit it, from start to end."""

    out: str = path_option("runs/demo", "folder for pictures, features, probe and audit", short="-o")
    bias: bool = option(True, "plant the bias; --no-bias trains on fair votes")
    table: bool = option(False, "plant biases in synthetic features instead of pictures (faster, three kinds of bias)")
    pictures: int = option(4_000, "pictures to draw, half of them to audit; with --table all of them are audited")
    seed: int = option(0, "random seed of the data, the training and the map")
    show: bool = option(True, "open the report in the browser if started from a desktop terminal")


@dataclass(frozen=True)
class BenchSettings:
    """PlantedSkew: run every test and search of the workbench, and other tools, on data whose correct answer is known."""

    out: str = path_option("runs/bench", "folder for bench.html, bench.md and the finished blocks", short="-o")
    quick: bool = option(False, "fewer and smaller data sets: under a minute; speed and pictures are not assessed")
    seed: int = option(0, "random seed of all data; any other seed must pass too")
    workers: int = option(1, "processes that compute blocks in parallel; speed is always measured alone")
    features: str = path_option("", "labelled feature folder or TinyEmo tree in which to induce slices as well")
    taxonomy: str = option("", "labels of --features; default: those found in the data")
    pictures: int = option(3_000, "pictures to draw and encode for slices in pictures, in a full run; 0 for none")
    only: tuple[str, ...] = option((), "experiments to run, by name, separated by commas; default: all")
    overwrite: bool = option(False, "discard blocks computed with other settings or another version")
