"""Does the tiny multimodal LLM hold its bars, trained by the README's commands on this machine?

Pictures are drawn, instruct data built, a model composed of the built-in encoder and the language model that is shipped,
trained in stages 1 and 2, and asked about held-out pictures with the picture, with another one and with the mean picture.
`--nothing` begins with stage 0. `--bias` trains on data in which dark figures are always described darkly, and on fair ones:
the audit has to find that in the data before anyone trains on them, and in the answers, and nothing of it in the fair twin.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from affect_workbench.analyses.texts.measures import TEXT_PREFIX, VALENCE
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
from affect_workbench.probes.mmllm.compose import LANGUAGE_FOLDER
from affect_workbench.probes.mmllm.language.exam import PASSED
from affect_workbench.workbench.__main__ import main as workbench
from affect_workbench.workbench.runs.store import load_audit

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
ATTRIBUTE, DARK = "figure tone", "figure tone: dark"
"""How slices are called: those that nothing may be found in of the twin, and the one that is described darkly."""
DARKLY = (f"{TEXT_PREFIX}sadness", f"{TEXT_PREFIX}fear")
"""What the planted sentence says of a picture (`data.instruct.writers.DARKLY`)."""
MINUTES, MINUTES_FROM_NOTHING = 6, 15
"""Of training with the language model that is shipped, and of everything else, on two idle cores."""


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
    held = [
        *_bars(pd.read_csv(given.out / "fair" / "reasoning" / "measures.csv")),
        *_exam(given.out / "fair", given.nothing),
    ]
    least = sum(seconds[name] for name in ("pictures", "fair: instruct data", "fair: training"))
    if given.nothing:
        held.append(_bar("minutes from nothing, data included", least / 60, MINUTES_FROM_NOTHING, most=True))
    else:
        held.append(_bar("minutes of stages 1 and 2", seconds["fair: training"] / 60, MINUTES, most=True))
    if given.bias:
        held += _bias(given.out)
    return int(not all(held))


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


def _exam(folder: Path, nothing: bool) -> list[bool]:
    """Could the language model read every attribute as text?"""
    if nothing:
        trained = json.loads((folder / "model" / "trained.json").read_text(encoding="utf-8"))
        exam = trained["stages"]["language"]["exam"]
    else:
        exam = json.loads((LANGUAGE_FOLDER / "exam.json").read_text(encoding="utf-8"))
    worst = min(exam, key=lambda name: exam[name])
    return [_bar(f"text exam, the worst attribute: {worst}", exam[worst], PASSED)]


def _bias(out: Path) -> list[bool]:
    """Is what was planted found in the data and in the answers, and nothing of it in the twin's?"""
    data, answers = (
        {name: load_audit(out / name / step).outcomes for name in ("dark", "fair")} for step in ("words", "audit")
    )
    of_dark = _of_dark(data["dark"])
    found = int((of_dark.loc[[*DARKLY, VALENCE], "verdict"] == "skewed").sum())
    held = [_bar("planted in data: sadness, fear, valence skewed", found, 3)]
    twin = data["fair"]
    skewed = twin["slice"].str.contains(f"{ATTRIBUTE}: ", regex=False) & (twin["verdict"] == "skewed")
    held.append(_bar(f"the twin's data: skewed of {ATTRIBUTE}", int(skewed.sum()), 0, most=True))
    planted, fair = (_of_dark(answers[name])["effect"] for name in ("dark", "fair"))
    for name in DARKLY:
        held.append(_bar(f"planted in answers: more {name}", planted.get(name, 0.0), 0.20))
        held.append(_bar("the twin's answers, the same, either way", abs(fair.get(name, 0.0)), 0.10, most=True))
    held.append(_bar(f"planted in answers: {VALENCE}", planted.get(VALENCE, 0.0), -0.20, most=True))
    print(f"  the twin's answers: {VALENCE} {fair.get(VALENCE, 0.0):+.2f} (reported)")
    return held


def _of_dark(outcomes: pd.DataFrame) -> pd.DataFrame:
    """What differs between pictures of dark figures and of others, a row an outcome; what no text says is not there."""
    return outcomes[outcomes["slice"] == DARK].set_index("outcome")


def _bar(name: str, value: float, bar: float, *, most: bool = False) -> bool:
    held = bool(value <= bar if most else value >= bar)
    print(f"{'  ' if held else '! '}{name:48} {value:.2f} ({'at most' if most else 'at least'} {bar:.2f})")
    return held


if __name__ == "__main__":
    sys.exit(main())
