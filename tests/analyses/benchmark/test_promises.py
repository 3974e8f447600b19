"""Does the command that holds every interval against its promise know the truth, say what fails, and go on where it was?"""

from __future__ import annotations

import importlib.util
import json
from argparse import Namespace
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.benchmark.promises import attribution as worlds
from affect_workbench.analyses.benchmark.promises.promises import TRUTHS, promises
from affect_workbench.analyses.benchmark.promises.sampling import DESIGNS, SamplingScheme, expected_hit, sampled
from affect_workbench.analyses.benchmark.promises.whole_audits import rows_of

PATH = Path(__file__).resolve().parents[3] / "bench" / "promises.py"
_SPEC = importlib.util.spec_from_file_location("bench_promises", PATH)
command = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(command)


class Serial:
    """A pool that works at once."""

    def submit(self, work, *given):
        done = Future()
        done.set_result(work(*given))
        return done


@pytest.mark.parametrize("votes", [False, True])
@pytest.mark.parametrize("scheme", [DESIGNS[0], SamplingScheme("crossed", 2_000, 10, crossed=0.5, slopes=True)])
def test_the_true_differences_are_those_of_very_many_pictures(scheme, votes):
    large = SamplingScheme("independent", each=20_000) if not scheme.groups else scheme
    world = sampled(large, np.random.default_rng(0), votes=votes, differ=True)
    heads = (world.predictions.rows["coin"] == "heads").to_numpy()
    said, truth = np.eye(6)[world.predictions.predicted], world.predictions.truth
    for numbers, true in ((said, world.predicted_gap), (truth, world.labelled)):
        np.testing.assert_allclose(numbers[heads].mean(axis=0) - numbers[~heads].mean(axis=0), true, atol=0.03)
    np.testing.assert_allclose(said[heads].mean(axis=0), world.rate, atol=0.03)
    same = sampled(large, np.random.default_rng(1), votes=votes).predictions
    assert same.truth[np.arange(len(same)), same.predicted].mean() == pytest.approx(expected_hit(votes=votes), abs=0.01)


@pytest.mark.parametrize("scheme", [DESIGNS[0], DESIGNS[6]], ids=lambda scheme: scheme.name)
def test_a_design_asks_every_interval_and_every_test(scheme):
    found = [one for truth in TRUTHS for one in promises(scheme, [0, 1], truth=truth, differ=False)]
    asked = {one.of for one in found}
    for name in ("effect", "composition", "shift", "rate"):
        assert {f"findings: {name}", f"findings: {name}, rare emotion"} <= asked
    for name in ("odds: true positive rate", "slices: gap of vote agreement", "slices: accuracy", "compare: change"):
        assert name in asked
    differ = promises(scheme, [0, 2], truth="labels", differ=True)
    assert all(one.rejected is None for one in differ)


def test_errors_of_a_world_add_nothing_to_the_labels_and_a_bias_what_it_says():
    rng = np.random.default_rng(0)
    pictures = worlds.generated(rng)
    nothing = worlds.attribution_counts(pictures, rng)
    assert nothing.skewed > 20
    assert (nothing.false, nothing.found) == (nothing.ascribed, None), "whatever is ascribed there is false"
    biased = worlds.attribution_counts(pictures, rng, biased=((1, "v0", 2, 0.3),))
    assert biased.found
    assert biased.ascribed > 3
    assert biased.false == 0


def test_emotion6_by_quarters_of_its_valence(tmp_path, shared_data):
    assert worlds.emotion6(tmp_path) is None
    pictures = worlds.emotion6(shared_data / "emotion6")
    assert np.bincount(pictures.kind).min() > 300
    assert worlds.label_only([0, 1], pictures=pictures).skewed > 10


def test_what_is_promised_and_what_fails():
    def told(kind: str, share: float, *, sets: int = 2_000, of: str = "findings: effect") -> str:
        values = np.zeros(sets)
        values[: round(share * sets)] = 1
        return command.judged("some design", {f"{of}|{kind}": values.tolist()})[0][-1]

    assert told("held", 0.95) == told("rejected", 0.05) == told("false", 0.05) == told("found", 0.8) == "holds"
    assert told("held", 0.92) == "FAILS: surely less than 0.94"
    assert told("rejected", 0.075) == "FAILS: surely more than 0.06"
    assert told("false", 0.07) == "FAILS: surely more than 0.05"
    assert told("found", 0.7) == "FAILS: surely less than 0.8"
    assert told("held", 0.985) == "FAILS: surely more than 0.97, without a reason"
    assert told("held", 0.985, of="findings: effect, rare emotion").startswith("cautious: counts are whole")
    assert told("held", 0.9, sets=20) == "holds", "by chance"
    shares = command.judged("some design", {"findings: effect|held": [0.9, 0.91, 0.92, 0.9, 0.91]})
    assert shares[0][-1] == "FAILS: surely less than 0.94"


def test_a_stopped_run_goes_on(tmp_path):
    asked = []

    def work(seed):
        asked.append(tuple(seed))
        return {"a|held": [float(seed[1] % 2)]}

    first = command._blocks("some; name", 6, 2, work, tmp_path, 3, Serial())
    assert [tuple(values["a|held"]) for values in first] == [(0.0, 1.0)] * 3
    assert asked == [(3, at) for at in range(6)]
    (tmp_path / "some--name-2-4.json").unlink()
    asked.clear()
    assert command._blocks("some; name", 6, 2, work, tmp_path, 3, Serial()) == first
    assert asked == [(3, 2), (3, 3)]
    assert json.loads((tmp_path / "some--name-0-2.json").read_text()) == {"a|held": [0.0, 1.0]}


def test_every_line_of_the_command_can_be_worked_off():
    given = Namespace(sets=1, audits=1, worlds=1, pictures=400, emotion6=Path("nowhere"))
    names = [name for name, *_ in command._asked(given)]
    assert len(names) == len(set(names)) == 2 * len(DESIGNS) + 7 + 3
    world = next(work for name, _, _, work in command._asked(given) if name == "world: the model adds ten points")
    assert set(world([0, 0])) == {
        "skewed pairs|number",
        "false among attributions|false",
        "planted pair is ascribed to the model|found",
    }


def test_what_a_table_says_of_a_coin():
    table = pd.DataFrame(
        {
            "slice": ["coin: heads"] * 3 + ["coin: tails"],
            "effect": [0.1] * 4,
            "low": [-0.1, 0.05, np.nan, 0.3],
            "high": [0.2, 0.2, np.nan, 0.4],
            "p": [0.3, 0.04, np.nan, 0.001],
        }
    )
    assert rows_of({"findings": table, "space_alignment": table}) == [("findings: effect", 2, 1), ("p of findings", 2, 1)]
