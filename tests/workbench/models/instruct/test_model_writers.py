"""A model in memory or behind an address writes instruct data: prompts, refusals, faults, interruptions, costs."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from affect_workbench.data.instruct.folder import read_instruct
from affect_workbench.data.synthetic.scenes.dataset import write_scenes
from affect_workbench.probes.asking.shards import Shards
from affect_workbench.workbench.models.instruct.model_writers import Paced
from endpoint_server import EndpointServer, served_endpoint
from tiny_multimodal import attached, tiny_folder
from workbench_runs import refusal, succeeded

ANSWERS = 4 * 11


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("instruct")
    write_scenes(folder / "world", train=3, test=1, seed=1, progress=False)
    return folder / "world" / "manifest"


def words(world: Path, out: Path, server: EndpointServer, *more: object) -> list[object]:
    given = ["instruct", "build", world, "-o", out, "--writer", "tiny", "--endpoint", server.url]
    return [*given, "--retries", 0, *more]


def test_an_endpoint_writes_every_turn_and_is_told_the_label(world, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-secret-word")
    with served_endpoint(EndpointServer(answer=lambda call, number: f"Text {number}.", logprobs=False)) as server:
        printed = succeeded(*words(world, tmp_path / "data", server, "--key-variable", "MY_KEY")).out
    assert f"{ANSWERS} calls" in printed
    assert "writes as tiny-1" in printed
    assert len(server.calls) == ANSWERS + 1
    assert {call.headers["Authorization"] for call in server.calls} == {"Bearer sk-secret-word"}
    records = read_instruct(tmp_path / "data").records
    assert sum(len(one.turns) for one in records) == ANSWERS
    texts = [turn.answer for one in records for turn in one.turns]
    assert len(set(texts)) == ANSWERS
    assert {(one.provenance.writer, one.provenance.model) for one in records} == {("endpoint", f"tiny-1 at {server.url}")}
    asked = [call.question for call in server.calls[1:]]
    reasoning = [text for text in asked if "Name that emotion" in text]
    assert len(reasoning) == 8
    assert all(f"People named the emotion of this picture: {one.label}." in " ".join(reasoning) for one in records)
    assert not any("Predicted Label" in text for text in asked)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]
    assert not any(b"sk-secret-word" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_refusals_and_empty_answers_are_left_out_and_told(world, tmp_path):
    texts = ["", "I'm sorry, but I can't help with that.", "A dog."]
    with served_endpoint(EndpointServer(answer=lambda call, number: texts[number % 3], logprobs=False)) as server:
        printed = succeeded(*words(world, tmp_path / "data", server, "--parallel", 1)).out
    left = pd.read_csv(tmp_path / "data" / "unwritten.csv")
    kept = [turn for one in read_instruct(tmp_path / "data").records for turn in one.turns]
    assert {turn.answer for turn in kept} == {"A dog."}
    assert len(left) + len(kept) == ANSWERS
    assert left["reason"].value_counts().to_dict() == {"an empty answer": 15, "the model refused": 14}
    assert "29 answers are missing: an empty answer (15), the model refused (14); see unwritten.csv" in printed
    assert "29 answers are missing" in (tmp_path / "data" / "DATASET.md").read_text(encoding="utf-8")
    assert "contradiction" not in printed


def test_a_fault_loses_nothing_that_was_answered(world, tmp_path):
    answer = EndpointServer(answer=lambda call, _: f"On {len(call.question)} letters.", logprobs=False)
    with served_endpoint(EndpointServer(answer=answer.answer, logprobs=False)) as server:
        succeeded(*words(world, tmp_path / "whole", server))
    failing = EndpointServer(answer=answer.answer, logprobs=False, faults=lambda number: 401 if number == 20 else None)
    with served_endpoint(failing) as server:
        line = refusal(*words(world, tmp_path / "data", server, "--parallel", 1))
        assert "401" in line
        assert f"19 of {ANSWERS} answers are kept" in line
        assert not (tmp_path / "data").exists()
        waiting = succeeded(*words(world, tmp_path / "data", server, "--dry-run")).out
        assert f"{ANSWERS - 19} calls (19 more are answered already)" in waiting
        server.faults = lambda number: None
        succeeded(*words(world, tmp_path / "data", server, "--parallel", 1))
    assert len(server.calls) == 21 + ANSWERS - 19
    first, second = (read_instruct(tmp_path / name).records for name in ("whole", "data"))
    assert [one.turns for one in first] == [one.turns for one in second]


def test_a_dry_run_tells_calls_and_cost_and_sends_nothing(world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = ["instruct", "build", world, "--writer", "m", "--endpoint", "https://example.invalid/v1", "--dry-run"]
    printed = succeeded(*given, "--price-in", 1, "--price-out", 10, "--picture-tokens", 100).out
    assert f"{ANSWERS} calls, about " in printed
    assert f"at most {ANSWERS * 160:,} out; cost: at most about 0.0" in printed
    assert "needs --price-in and --price-out" in succeeded(*given).out
    assert f"{ANSWERS} texts to generate; nothing is sent" in succeeded(*given[:5], "--dry-run").out
    assert f"{ANSWERS} texts by rules; nothing is sent" in succeeded("instruct", "build", world, "--dry-run").out
    assert list(tmp_path.iterdir()) == []
    assert "no key" in refusal(*given[:-1], "-o", tmp_path / "x")


def test_a_model_in_memory_writes_and_an_interruption_changes_nothing(world, tmp_path, monkeypatch):
    given = ["instruct", "build", world, "--writer", tiny_folder("llava"), "--max-tokens", 4, "--device", "cpu"]
    succeeded(*given, "-o", tmp_path / "whole")
    records = read_instruct(tmp_path / "whole").records
    assert {one.provenance.writer for one in records} == {"transformers"}
    assert attached("llava").fingerprint() in records[0].provenance.model
    written = Shards.append

    def until_the_second(shards, answered):
        written(shards, answered)
        if len(list(shards.folder.glob("*.parquet"))) == 2:
            raise ValueError("the disk is full")

    monkeypatch.setattr(Shards, "append", until_the_second)
    assert "the disk is full" in refusal(*given, "-o", tmp_path / "data", "--batch", 2)
    monkeypatch.undo()
    assert "32 more are answered already" in succeeded(*given, "-o", tmp_path / "data", "--batch", 2).out
    assert read_instruct(tmp_path / "data").records == records
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "whole"]


def test_an_unreadable_picture_costs_its_own_answers(tmp_path):
    write_scenes(tmp_path / "world", train=3, test=1, seed=1, progress=False)
    rows = pd.read_parquet(tmp_path / "world" / "manifest" / "rows.parquet")
    with served_endpoint(EndpointServer(answer=lambda call, _: "A dog.", logprobs=False)) as server:
        (tmp_path / "world" / rows["path"][1]).write_bytes(b"no picture")
        printed = succeeded(*words(tmp_path / "world" / "manifest", tmp_path / "data", server)).out
    left = pd.read_csv(tmp_path / "data" / "unwritten.csv")
    assert set(left["image_id"]) == {rows["image_id"][1]}
    assert len(left) == 11
    assert left["reason"].str.startswith("the picture cannot be read: ").all()
    assert "11 answers are missing" in printed


def test_calls_are_spread_over_the_minute(monkeypatch):
    class Clock:
        now = 0.0
        slept: tuple[float, ...] = ()

    class Answers:
        def replies(self, asked):
            Clock.now += 0.5
            yield from ((at, one) for at, one in reversed(list(enumerate(asked))))

    def sleep(seconds):
        Clock.slept += (seconds,)
        Clock.now += seconds

    monkeypatch.setattr("time.monotonic", lambda: Clock.now)
    monkeypatch.setattr("time.sleep", sleep)
    replies = list(Paced(Answers(), per_minute=24).replies(["a", "b", "c"]))
    assert sorted(replies) == [(0, "a"), (1, "b"), (2, "c")]
    assert Clock.slept == (4.5, 2.0)
