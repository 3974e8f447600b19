"""`workbench ask --endpoint`: scores or samples, refusals, faults, kills, keys and costs, against a real local server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affect_workbench.data.synthetic.scenes.dataset import write_scenes
from affect_workbench.data.tables.columns import attribute_columns
from endpoint_server import EndpointServer, served_endpoint
from workbench_runs import SLIM, refusal, succeeded, workbench

PROMPTS = 'open = "Which emotion?"\nlisted = "Which of {options}?"\n'
ANSWERS = 16 * 2


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("asked")
    write_scenes(folder / "world", train=12, test=4, seed=1, progress=False).save(folder / "manifest")
    (folder / "prompts.toml").write_text(PROMPTS)
    return folder


def words(world: Path, out: Path, server: EndpointServer, *more: object) -> list[object]:
    given = ["ask", "tiny", "--pictures", world / "manifest", "-o", out, "--endpoint", server.url]
    return [*given, "--prompts", world / "prompts.toml", "--retries", 0, *more]


def predictions(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out / "predictions.parquet")


def test_log_probabilities_become_scores_and_audit_takes_the_folder_as_it_is(world, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-secret-word")
    out = tmp_path / "run"
    with served_endpoint(EndpointServer()) as server:
        printed = succeeded(*words(world, out, server, "--key-variable", "MY_KEY", "--side", 32)).out
    assert "returns log-probabilities" in printed
    assert f"{ANSWERS} answers scored: {ANSWERS} name a label, 0 refusals, 0 hedges, 0 unparseable" in printed
    assert len(server.calls) == ANSWERS + 1
    assert {call.headers["Authorization"] for call in server.calls} == {"Bearer sk-secret-word"}
    assert max(max(call.picture.size) for call in server.calls) == 32
    table = predictions(out)
    np.testing.assert_allclose(table[["score_joy", "score_anger"]], np.tile([7 / 9, 2 / 9], (16, 1)))
    assert set(table["predicted"]) == set(table["prompt_open"]) == set(table["prompt_listed"]) == {"joy"}
    assert not {"prompt_open", "answers_label"} & set(attribute_columns(table))
    assert not any(b"sk-secret-word" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]
    listed = [call.question for call in server.calls if call.question != "Which emotion?"]
    assert len(set(listed)) > 8
    audit = succeeded("audit", "--predictions", out, "-o", tmp_path / "audit", *SLIM)
    assert "report: " in audit.out
    page = (tmp_path / "audit" / "report.html").read_text(encoding="utf-8")
    assert "tiny (tiny-1)" in page
    (out / "ask.json").write_text("{}")
    assert "damaged" in refusal("audit", "--predictions", out, "-o", tmp_path / "again")


def test_an_endpoint_without_log_probabilities_is_sampled_and_nothing_is_guessed(world, tmp_path):
    texts = ["joy", "I'm sorry, but I can't help with that.", "It could be fear or anger.", "A tree."]
    first: dict[str, str] = {}

    def answer(call, number):
        # Every fourth picture is always refused, the other pictures get texts in turn.
        picture = first.setdefault(call.body["messages"][0]["content"][0]["image_url"]["url"], str(len(first)))
        return texts[1] if picture == "3" else texts[number % 4]

    with served_endpoint(EndpointServer(answer=answer, logprobs=False)) as server:
        printed = succeeded(*words(world, tmp_path / "run", server, "--samples", 4, "--parallel", 1)).out
    assert "returns no log-probabilities: 4 texts each to be sampled" in printed
    assert all(kind in printed for kind in ("refusals", "hedges", "unparseable"))
    assert len(server.calls) == 4 * ANSWERS + 1
    assert {call.body["temperature"] for call in server.calls[1:]} == {1.0}
    assert not any("logprobs" in call.body for call in server.calls[1:])
    answers = pd.read_parquet(tmp_path / "run" / "answers.parquet")
    assert len(answers) == 4 * ANSWERS
    assert answers["p_joy"].isna().all()
    kinds = answers["text"].map(dict(zip(texts, ["label", "refusal", "hedge", "unparseable"], strict=True)))
    assert (answers["kind"] == kinds).all()
    table = predictions(tmp_path / "run")
    assert len(table) == 15
    assert (table["score_joy"] == 1).all()
    assert table["answers_refusal"].gt(0).all()
    left = pd.read_csv(tmp_path / "run" / "unanswered.csv")
    assert left["reason"].tolist() == ["no answer names a label"]
    assert left["answers_refusal"].tolist() == [8]
    assert left["image_id"].iloc[0] in printed
    audit = succeeded("audit", "--predictions", tmp_path / "run", "-o", tmp_path / "audit", *SLIM)
    assert "1 picture without an answer that names a label: not audited, see unanswered.csv" in audit.out


def test_free_text_beside_scores(world, tmp_path):
    answer = "Sadness, I would say."
    with served_endpoint(EndpointServer(answer=lambda call, _: "joy" if call.body.get("logprobs") else answer)) as server:
        printed = succeeded(*words(world, tmp_path / "run", server, "--free")).out
    assert f"{ANSWERS} answers in its own words: {ANSWERS} name a label" in printed
    assert "its own words name the label with the highest score in 0.0% of answers" in printed
    answers = pd.read_parquet(tmp_path / "run" / "answers.parquet")
    assert answers.groupby("method")["answer"].unique().str.join(",").to_dict() == {"generated": "sadness", "scored": "joy"}
    assert set(predictions(tmp_path / "run")["predicted"]) == {"joy"}
    assert {call.body["temperature"] for call in server.calls} == {0.0}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("slow", "did not answer within 0.4 s"),
        (500, "answers 500: status 500"),
        (429, "answers 429: status 429"),
        (401, "answers 401: status 401"),
        ("error-in-body", "answers with an error: upstream failed"),
        ("html", "something that is no chat completion"),
        ("cut", "cannot be reached"),
    ],
)
def test_a_fault_in_the_middle_is_one_line_loses_nothing_and_the_run_goes_on(world, tmp_path, fault, message):
    server = EndpointServer(faults=lambda number: fault if number == 20 else None)
    with served_endpoint(server):
        given = words(world, tmp_path / "run", server, "--timeout", 0.4, "--parallel", 2)
        line = refusal(*given)
        assert message in line
        (kept,) = tmp_path.glob("run.answers-*")
        assert f"of {ANSWERS} answers are kept in {kept}: run the same command again to go on" in line
        assert not (tmp_path / "run").exists()
        before = len(server.calls)
        succeeded(*given)
    assert len(predictions(tmp_path / "run")) == 16
    # The first question once more, to learn of the endpoint; those that failed, and were still on their way then.
    assert before + len(server.calls[before:]) <= ANSWERS + 1 + 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_a_fault_that_passes_is_retried(world, tmp_path):
    faults = {5: 503, 9: "error-in-body", 13: "cut"}
    with served_endpoint(EndpointServer(faults=faults.get)) as server:
        succeeded(*words(world, tmp_path / "run", server, "--retries", 2))
    assert len(server.calls) == ANSWERS + 1 + len(faults)


def test_a_model_that_changes_its_name_is_not_mixed_with_the_first(world, tmp_path):
    server = EndpointServer(model=lambda number: "tiny-2" if 20 <= number < 25 else "tiny-1")
    with served_endpoint(server):
        given = words(world, tmp_path / "run", server, "--parallel", 1)
        line = refusal(*given)
        assert "now answers as 'tiny-2', before as 'tiny-1': answers of two models are not mixed" in line
        assert "19 of 32 answers are kept" in line
        for _ in range(4):
            assert "tiny-2" in refusal(*given)
        succeeded(*given)
    assert len(predictions(tmp_path / "run")) == 16


def test_a_kill_loses_one_shard_at_most(world, tmp_path):
    server = EndpointServer(answer=lambda call, number: time.sleep(0.05) or "joy")
    with served_endpoint(server):
        given = [str(word) for word in words(world, tmp_path / "run", server, "--parallel", 1)]
        command = [sys.executable, "-m", "affect_workbench.workbench", *given]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while len(server.calls) < 24 and process.poll() is None:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        shards = list(tmp_path.glob("run.answers-*/*.parquet"))
        kept = sum(len(pd.read_parquet(shard)) for shard in shards)
        assert len(server.calls) - 1 - 16 <= kept < ANSWERS
        before = len(server.calls)
        dry = succeeded(*given, "--dry-run").out
        assert f"{ANSWERS - kept} calls ({kept} more are answered already)" in dry
        assert len(server.calls) == before
        succeeded(*given)
    asked = Counter((call.question, str(call.body)) for call in server.calls[1:])
    assert len(server.calls) - before == ANSWERS - kept
    assert max(asked.values()) <= 2
    assert not list(tmp_path.glob("run.answers-*"))


def test_parameters_that_an_endpoint_refuses_are_sent_otherwise(world, tmp_path):
    refuses = ("logprobs", "temperature")
    with served_endpoint(EndpointServer(refuses=refuses)) as server:
        printed = succeeded(*words(world, tmp_path / "run", server, "--samples", 1)).out
    assert "returns no log-probabilities: 1 text" in printed
    assert "takes no temperature" in printed
    assert "temperature" not in server.calls[-1].body
    message = "Use 'max_completion_tokens' instead."
    faults = {0: (400, message)}
    with served_endpoint(EndpointServer(faults=faults.get)) as server:
        succeeded(*words(world, tmp_path / "other", server))
    assert "max_tokens" not in server.calls[-1].body
    assert server.calls[-1].body["max_completion_tokens"] == 48


def test_blanks_that_a_server_takes_off_the_text_alone_do_not_move_the_place(world, tmp_path):
    class Server(EndpointServer):
        def reply(self, call, number):
            found = super().reply(call, number)
            blank = {"token": " ", "logprob": 0.0, "top_logprobs": [{"token": " ", "logprob": 0.0}]}
            found["choices"][0]["logprobs"]["content"].insert(0, blank)
            return found

    with served_endpoint(Server()) as server:
        succeeded(*words(world, tmp_path / "run", server))
    np.testing.assert_allclose(predictions(tmp_path / "run")["score_joy"], 7 / 9)


def test_a_filter_of_the_provider_is_a_refusal(world, tmp_path):
    def faults(number):
        return (400, "blocked by content_filter") if number == 7 else None

    with served_endpoint(EndpointServer(faults=faults)) as server:
        printed = succeeded(*words(world, tmp_path / "run", server)).out
    assert "31 name a label, 1 refusal" in printed


def test_answers_that_are_cut_off_are_counted(world, tmp_path):
    with served_endpoint(EndpointServer(finish="length")) as server:
        printed = succeeded(*words(world, tmp_path / "run", server, "--max-tokens", 3)).out
    assert f"warning: {ANSWERS} texts were cut off at 3 tokens" in printed


def test_no_label_in_any_answer_keeps_the_answers(world, tmp_path):
    with served_endpoint(EndpointServer(answer=lambda *_: "A tree.", logprobs=False)) as server:
        outcome = workbench(*words(world, tmp_path / "run", server, "--samples", 1))
    assert outcome.code == 2
    assert "none of 32 answers names one of the labels" in outcome.err
    assert len(pd.read_parquet(tmp_path / "run" / "answers.parquet")) == ANSWERS
    assert "holds answers and no predictions" in refusal("audit", "--predictions", tmp_path / "run", "-o", tmp_path / "a")


def test_a_dry_run_says_what_it_will_take_and_sends_nothing(world, tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    given = ["ask", "tiny", "--pictures", world / "manifest", "--prompts", world / "prompts.toml"]
    given += ["--endpoint", "https://nowhere.invalid/v1", "--dry-run", "--samples", 3]
    printed = succeeded(*given, "--picture-tokens", 100, "--price-in", 2, "--price-out", 8, "--max-tokens", 10).out
    first, second = printed.splitlines()
    assert first.startswith("where log-probabilities come back: 32 calls, about ")
    assert second.startswith("where no log-probabilities come back: 96 calls, about ")
    tokens = int(first.split("about ")[1].split(" tokens")[0].replace(",", ""))
    assert 32 * 110 < tokens < 32 * 150
    assert first.endswith(f"at most 320 out; cost: at most about {(tokens * 2 + 320 * 8) / 1e6:,.2f}")
    assert "cost: needs --price-in and --price-out" in succeeded(*given).out
    assert "no key for https://nowhere.invalid/v1: set the environment variable OPENAI_API_KEY" in refusal(
        *[word for word in given if word != "--dry-run"], "-o", tmp_path / "run"
    )


def test_labels_of_ones_own_and_pictures_without_any(world, tmp_path):
    table = pd.DataFrame({"path": sorted(str(path) for path in (world / "world").rglob("*.png"))[:3]})
    table.to_csv(tmp_path / "plain.csv", index=False)
    with served_endpoint(EndpointServer()) as server:
        given = words(world, tmp_path / "run", server)
        plain = [tmp_path / "plain.csv" if word == world / "manifest" else word for word in given]
        assert "names no labels: say what to ask for with --labels or --taxonomy" in refusal(*plain)
        succeeded(*plain, "--labels", "joy,anger")
        assert set(predictions(tmp_path / "run").filter(like="score_").columns) == {"score_joy", "score_anger"}
        printed = succeeded(*words(world, tmp_path / "polar", server, "--labels", "joy,anger")).out
    assert "the predictions have no truth" in printed
    assert "label" not in predictions(tmp_path / "polar")


def test_a_picture_that_cannot_be_read_is_named_and_left_out(world, tmp_path):
    write_scenes(tmp_path / "world", train=3, test=1, seed=2, progress=False).save(tmp_path / "manifest")
    broken = sorted((tmp_path / "world").rglob("*.png"))[1]
    broken.write_bytes(b"no picture")
    with served_endpoint(EndpointServer()) as server:
        given = ["ask", "tiny", "--pictures", tmp_path / "manifest", "-o", tmp_path / "run", "--endpoint", server.url]
        printed = succeeded(*given, "--prompts", world / "prompts.toml").out
    assert "no prediction for 1 picture" in printed
    left = pd.read_csv(tmp_path / "run" / "unanswered.csv")
    assert left["path"].tolist() == [str(broken)]
    assert left["reason"].str.startswith("the picture cannot be read: ").all()
    assert len(predictions(tmp_path / "run")) == 3


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--endpoint", "ftp://host"), "--endpoint 'ftp://host' is no address: expected something like https://host/v1"),
        (("--endpoint", "https://user:word@host/v1"), "keys are taken from the environment only"),
        (("--endpoint", "http://localhost:1/v1", "--quantization", "4bit"), "--quantization is about a model in memory"),
        (("--samples", -1), "--samples is -1: expected 0 or more"),
        (("--max-tokens", 0), "--max-tokens is 0: expected 1 or more"),
        (("--samples", 3, "--temperature", 0), "several texts need one above 0 to differ"),
        (("--labels", "joy", "--taxonomy", "ekman6"), "give either --labels or --taxonomy"),
        (("--labels", "joy"), "at least two"),
        (("--split", "nowhere"), "is in split 'nowhere'"),
        (("--prompts", "nothing.toml"), "no prompts at nothing.toml"),
        (("--endpoint", "http://127.0.0.1:9/v1", "--retries", 0), "cannot be reached"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(world, tmp_path, more, message):
    assert message in refusal("ask", "tiny", "--pictures", world / "manifest", "-o", tmp_path / "run", *more)
    assert not list(tmp_path.iterdir())
