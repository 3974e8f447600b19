"""Does the tiny recipe learn to look, in half a minute? The bars of `bench/mmllm.py` in a quick form, far below its own.

A model that is asked about all eight attributes learns them one after the other, in minutes. Here its conversations are
about three, and it knows these after a few hundred small steps, and only these.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from affect_workbench.analyses.texts.reasoning.answers import SHUFFLED, TRUE
from affect_workbench.data.instruct.folder import read_instruct
from affect_workbench.data.instruct.formats import write_messages
from affect_workbench.data.instruct.records import DESCRIBED
from affect_workbench.data.synthetic.scenes.dataset import write_pairs, write_scenes
from instruct_records import ATTRIBUTE_OF
from workbench_runs import succeeded

TAUGHT = ("subject", "setting", "light")
RECIPE = """
vision = "builtin:scenes"
llm = "builtin:scenes"
[stage.connector]
trains = "connector"
steps = 250
batch = 8
rate = 2e-3
warmup = 10
[stage.reasoning]
trains = "lora"
steps = 60
batch = 8
rate = 1e-3
warmup = 5
rehearsal = 0.66
"""


@pytest.fixture(scope="module")
def learned(tmp_path_factory) -> Path:
    """A folder with an evaluation of a model that has learned three attributes from 1,000 pictures in 310 small steps."""
    root = tmp_path_factory.mktemp("learning")
    write_scenes(root / "world", train=1000, test=60, seed=0, progress=False)
    write_pairs(root / "pairs", "light", pairs=30, seed=1, progress=False)
    (root / "quick.toml").write_text(RECIPE, encoding="utf-8")
    world, tasks = root / "world" / "manifest", "questions,reasoning"
    succeeded("instruct", "build", world, "--split", "train", "--tasks", tasks, "--questions", "8", "-o", root / "data")
    built = read_instruct(root / "data")
    taught = [
        replace(one, turns=tuple(turn for turn in one.turns if ATTRIBUTE_OF.get(turn.question) in TAUGHT))
        if one.kind == DESCRIBED
        else one
        for one in built.records
    ]
    write_messages(root / "world" / "taught.jsonl", taught, root=built.root)
    succeeded("mmllm", "compose", "-o", root / "parts")
    given = ["--data", root / "world" / "taught.jsonl", "--recipe", root / "quick.toml", "-o", root / "model"]
    succeeded("mmllm", "train", root / "parts", *given)
    given = ["--pictures", world, "--split", "test", "--pairs", root / "pairs" / "manifest"]
    succeeded("mmllm", "evaluate", root / "model", *given, "--batch", "128", "-o", root / "reasoning")
    return root / "reasoning"


@pytest.fixture(scope="module")
def shares(learned) -> pd.Series:
    """The figures by measure, attribute and what was shown."""
    measures = pd.read_csv(learned / "measures.csv").fillna({"attribute": ""})
    return measures.set_index(["measure", "attribute", "shown"])["share"].sort_index()


def test_it_sees_what_it_was_taught_and_only_that(shares):
    recall = shares["question: macro recall"].unstack()
    gain = recall[TRUE] - recall[SHUFFLED]
    taught = [*TAUGHT]
    assert recall.loc[["setting", "light"], TRUE].min() > 0.7
    assert recall.loc["subject", TRUE] > 0.45
    assert gain[taught].min() > 0.25
    assert gain.drop(taught).mean() < gain[taught].mean() - 0.2


def test_it_names_true_causes_because_it_looks_and_follows_a_wrong_label(shares):
    for mode, least in (("given", 0.05), ("none", 0.15)):
        cause = shares[f"{mode}: names a true cause", ""]
        assert cause[TRUE] > cause[SHUFFLED] + least
    assert shares["wrong: states the label of the question", "", TRUE] > 0.9
    assert shares["wrong: mentions something absent", "", TRUE] > shares["given: mentions something absent", "", TRUE]


def test_in_pairs_that_differ_in_what_it_sees_its_answer_flips_and_it_says_why(learned):
    pairs = json.loads((learned / "reasoning.json").read_text(encoding="utf-8"))["pairs"]
    flips, unspoken = pairs["flips"], pairs["unspoken"]
    assert pairs["attribute"] == "light"
    assert (flips["n"], unspoken["n"]) == (30, flips["hits"])
    assert flips["hits"] >= 10
    assert unspoken["hits"] / unspoken["n"] < 0.5
