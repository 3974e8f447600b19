"""`workbench ask` of a model in memory: scores are the model's, texts are parsed, a kill loses little, audit goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affect_workbench.data.answers.prompts import STANDARD_PROMPTS
from affect_workbench.data.answers.table import ANSWER_COLUMNS, read_answers
from affect_workbench.data.images.decode import open_picture
from affect_workbench.data.storage.saved import read_record
from affect_workbench.data.synthetic.scenes.dataset import write_scenes
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.asking.shards import Shards
from affect_workbench.probes.attach.scoring import score_labels
from affect_workbench.workbench.models.asking.answers import asked_pictures
from tiny_multimodal import attached, tiny_folder, tiny_model
from workbench_runs import SLIM, refusal, succeeded

EKMAN = Taxonomy.named("ekman6")


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("asked")
    write_scenes(folder / "world", train=5, test=2, seed=1, progress=False).save(folder / "manifest")
    return folder


@pytest.fixture(scope="module")
def asked(world) -> tuple[Path, str]:
    """A folder that `ask` wrote, and what it printed."""
    out = world / "run"
    given = ["--pictures", world / "manifest", "-o", out, "--free", "--samples", 2, "--max-tokens", 6, "--batch", 5]
    return out, succeeded("ask", tiny_folder("llava"), *given).out


def test_scores_are_what_the_model_gives_each_label(world, asked):
    answers = read_answers(asked[0], EKMAN)
    scored = answers[answers["method"] == "scored"].reset_index(drop=True)
    assert list(answers.columns[: len(ANSWER_COLUMNS)]) == list(ANSWER_COLUMNS)
    assert len(scored) == 7 * len(STANDARD_PROMPTS)
    assert (scored["kind"] == "label").all()
    predictions = pd.read_parquet(asked[0] / "predictions.parquet")
    for at in (0, 11, 40):
        row = scored.loc[at]
        prompt = next(one for one in STANDARD_PROMPTS if one.id == row["prompt"])
        picture = open_picture(Path(predictions.set_index("image_id")["path"][row["image_id"]]))
        question = prompt.question(EKMAN.labels, image_id=row["image_id"])
        found = np.exp(score_labels(attached("llava"), [picture], [question], EKMAN.labels)[0])
        np.testing.assert_allclose(row[[f"p_{label}" for label in EKMAN.labels]].to_numpy(float), found, atol=1e-5)
    assert scored["p_joy"].nunique() > 10
    means = scored.groupby("image_id")["p_joy"].mean()
    np.testing.assert_allclose(predictions["score_joy"], means[predictions["image_id"]])


def test_its_own_words_are_sampled_counted_and_kept(asked):
    answers = read_answers(asked[0], EKMAN)
    texts = answers[answers["method"] == "generated"]
    assert len(texts) == 2 * 7 * len(STANDARD_PROMPTS)
    assert sorted(texts["run"].unique()) == [0, 1]
    assert texts.groupby("run")["text"].apply(tuple).nunique() == 2
    counts = texts["kind"].value_counts()
    assert f"{counts.get('unparseable', 0)} unparseable" in asked[1]
    record = read_record(asked[0] / "ask.json")
    assert record.record("kinds").record("generated").whole("unparseable") == counts.get("unparseable", 0)
    assert record.text("fingerprint") == attached("llava").fingerprint()
    assert record.record("prompts").values == {prompt.id: prompt.text for prompt in STANDARD_PROMPTS}


def test_the_folder_is_audited_as_it_is(asked, tmp_path):
    succeeded("audit", "--predictions", asked[0], "-o", tmp_path / "audit", *SLIM)
    page = (tmp_path / "audit" / "report.html").read_text(encoding="utf-8")
    assert attached("llava").fingerprint() in page
    assert "prompt_open" not in page
    assert "answers_refusal" not in page


def test_batches_and_interruptions_change_nothing(world, asked, tmp_path, monkeypatch):
    given = ["ask", tiny_folder("llava"), "--pictures", world / "manifest", "-o", tmp_path / "run"]
    given += ["--free", "--samples", 2, "--max-tokens", 6, "--batch", 2]
    written = Shards.append

    def until_the_third(shards, answered):
        written(shards, answered)
        if len(list(shards.folder.glob("*.parquet"))) == 3:
            raise ValueError("the disk is full")

    monkeypatch.setattr(Shards, "append", until_the_third)
    assert "the disk is full" in refusal(*given)
    monkeypatch.undo()
    assert not (tmp_path / "run").exists()
    assert "48 more are answered already" in succeeded(*given, "--dry-run").out
    succeeded(*given)
    columns = ["image_id", "prompt", "run", "method", "kind", "answer", "text"]
    first, second = read_answers(asked[0], EKMAN), read_answers(tmp_path / "run", EKMAN)
    pd.testing.assert_frame_equal(first[columns], second[columns])
    probabilities = [f"p_{label}" for label in EKMAN.labels]
    np.testing.assert_allclose(first[probabilities], second[probabilities], atol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_weights_that_change_between_are_not_mixed(world, tmp_path, monkeypatch):
    folder = tiny_model("llava", tmp_path / "model")
    given = ["ask", folder, "--pictures", world / "manifest", "-o", tmp_path / "run"]

    def failing(*_):
        raise ValueError("the disk is full")

    monkeypatch.setattr(Shards, "append", failing)
    refusal(*given)
    monkeypatch.undo()
    (weights,) = folder.glob("*.safetensors")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert "answers of two models are not mixed" in refusal(*given)


def test_a_dry_run_loads_nothing(world):
    given = ["ask", "no/such-model", "--pictures", world / "manifest", "--dry-run", "--free"]
    assert "42 prompts to score, 42 texts to generate; nothing is sent" in succeeded(*given).out


def test_a_newer_parser_reads_kept_texts_anew():
    """A reply that was scored where its text names a label now counts, one whose text names none does not."""
    columns = ["image_id", "content", "prompt", "method", "run", "text", "probabilities", "refused", "cut"]
    columns += ["tokens_in", "tokens_out", "error"]
    rows = [
        ("a", "1", "open", "scored", 0, "joy", [0.1, 0.9], False, False, 3, 1, ""),
        ("b", "2", "open", "scored", 0, "joy", None, False, False, 3, 1, ""),
        ("c", "3", "open", "scored", 0, "a tree", [0.1, 0.9], False, False, 3, 1, ""),
    ]
    raw = pd.DataFrame(rows, columns=columns)
    taxonomy = Taxonomy("two", ("anger", "joy"))
    found = asked_pictures(raw, [row[:5] for row in rows], pd.DataFrame({"image_id": list("abc")}), taxonomy)
    assert found.predictions["score_joy"].tolist() == [0.9, 1.0]
    assert found.unanswered["image_id"].tolist() == ["c"]
    assert (found.tokens_in, found.tokens_out) == (9, 3)
