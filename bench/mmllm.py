"""Does the tiny multimodal LLM hold its bars, trained by the README's commands on this machine?

Pictures are drawn, instruct data built, a model composed of the built-in encoder and the language model that is shipped,
trained in stages 1 and 2, and asked about held-out pictures with the picture, with another one and with the mean picture.
`--nothing` begins with stage 0. `--bias` trains on data in which dark figures are always described darkly, and on fair ones,
and audits the words of data and answers.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from affect_workbench.analyses.texts.reasoning.answers import SHUFFLED, TRUE
from affect_workbench.analyses.texts.reasoning.result import (
    ABSENT_MENTIONS,
    MENTIONS_ABSENT,
    NAMES_CAUSE,
    RIGHT_LABEL,
    STATES_LABEL,
)
from affect_workbench.analyses.texts.reasoning.result import RECALL as RECALL_NAME
from affect_workbench.data.synthetic.scenes.dataset import write_scenes
from affect_workbench.workbench.__main__ import main as workbench

RECALL = {
    "subject": 0.90,
    "setting": 0.95,
    "light": 0.95,
    "weather": 0.90,
    "extras": 0.90,
    "held": 0.60,
    "figure_tone": 0.75,
    "camera": 0.90,
}
"""Least macro recall of each attribute, from questions."""
PLANTED = "figure_tone=dark"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/bench-mmllm"))
    parser.add_argument("--pictures", type=int, default=10_000, help="to learn from")
    parser.add_argument("--held-out", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--nothing", action="store_true", help="begin with stage 0, from nothing")
    parser.add_argument("--bias", action="store_true", help="plant a textual bias, and compare with the twin")
    given = parser.parse_args()
    seconds: dict[str, float] = {}
    with _timed(seconds, "pictures"):
        write_scenes(given.out / "world", train=given.pictures, test=given.held_out, seed=given.seed, overwrite=True)
    manifest = str(given.out / "world" / "manifest")
    for name, plant in (("fair", ""), ("dark", PLANTED)) if given.bias else (("fair", ""),):
        folder = given.out / name
        with _timed(seconds, f"{name}: instruct data"):
            more = ["--plant", plant] if plant else []
            _run("instruct", "build", manifest, "--split", "train", "--questions", "8", *more, "-o", str(folder / "data"))
        if given.bias:
            _run("instruct", "audit", str(folder / "data"), "-o", str(folder / "words"))
        with _timed(seconds, f"{name}: training"):
            made = str(folder / "model")
            if given.nothing:
                _run("mmllm", "train", "--data", str(folder / "data"), "-o", made)
            else:
                _run("mmllm", "compose", "-o", str(folder / "parts"))
                _run("mmllm", "train", str(folder / "parts"), "--data", str(folder / "data"), "-o", made)
        with _timed(seconds, f"{name}: evaluation"):
            _run(
                "mmllm",
                "evaluate",
                made,
                "--pictures",
                manifest,
                "--split",
                "test",
                "--batch",
                "128",
                "-o",
                str(folder / "reasoning"),
            )
        if given.bias:
            _run("audit", "--texts", str(folder / "reasoning" / "texts.jsonl"), "-o", str(folder / "audit"))
    for name, took in seconds.items():
        print(f"{name:24} {took:7.0f} s")
    return int(not all(_bars(pd.read_csv(given.out / "fair" / "reasoning" / "measures.csv"))))


def _run(*words: str) -> None:
    code = workbench([*words, "--overwrite"])
    if code:
        raise SystemExit(f"workbench {' '.join(words)} ended with {code}")


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started
    print(f"-- {name}: {seconds[name]:.0f} s", file=sys.stderr, flush=True)


def _bars(measures: pd.DataFrame) -> list[bool]:
    """Prints each bar with its figure, and says which are held."""
    told = measures.fillna({"attribute": ""}).set_index(["measure", "attribute", "shown"])["share"]

    def of(measure: str, shown: str = TRUE, attribute: str = "") -> float:
        return float(told[measure, attribute, shown])

    absent, cause, right = f"caption: {ABSENT_MENTIONS}", f"given: {NAMES_CAUSE}", f"none: {RIGHT_LABEL}"
    held = [
        _bar(f"macro recall of {name}", of(f"question: {RECALL_NAME}", attribute=name), least)
        for name, least in RECALL.items()
    ]
    held.append(_bar("caption: mentions of something absent", of(absent), 0.10, most=True))
    held.append(_bar("the same with shuffled pictures", of(absent, SHUFFLED), 0.50))
    held.append(_bar("given: names a true cause", of(cause), 0.85))
    held.append(_bar("above shuffled pictures by", of(cause) - of(cause, SHUFFLED), 0.40))
    held.append(_bar("wrong: states the label", of(f"wrong: {STATES_LABEL}"), 0.95))
    print(f"  wrong: mentions something absent {of(f'wrong: {MENTIONS_ABSENT}'):.2f} (reported)")
    held.append(_bar("none: right label", of(right), 0.60))
    held.append(_bar("the same with shuffled pictures", of(right, SHUFFLED), 0.25, most=True))
    return held


def _bar(name: str, value: float, bar: float, *, most: bool = False) -> bool:
    held = value <= bar if most else value >= bar
    print(f"{'  ' if held else '! '}{name:48} {value:.2f} ({'at most' if most else 'at least'} {bar:.2f})")
    return held


if __name__ == "__main__":
    sys.exit(main())
