"""Do compose and train work by commands, from drawn pictures to a model that answers, and refuse what does not fit?"""

import json
from functools import partial

import pytest

from affect_workbench.data.synthetic.scenes.dataset import write_scenes
from affect_workbench.workbench.__main__ import main
from tiny_multimodal.composed import saved_language


@pytest.fixture(scope="module")
def instruct(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    write_scenes(root / "world", train=12, test=2, seed=0, progress=False)
    assert main(["instruct", "build", str(root / "world" / "manifest"), "-o", str(root / "data")]) == 0
    return root / "data"


@pytest.fixture(scope="module")
def composed(tmp_path_factory):
    root = tmp_path_factory.mktemp("composed")
    assert main(["mmllm", "compose", "--llm", saved_language("llama", root / "llm"), "-o", str(root / "model")]) == 0
    return root / "model"


def test_a_model_is_composed_trained_and_answers(instruct, composed, tmp_path, capsys):
    out = tmp_path / "trained"
    assert main(["mmllm", "train", str(composed), "--data", str(instruct), "--steps", "2", "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert "as before, to the bit" in said
    record = json.loads((out / "trained.json").read_text())
    assert list(record["stages"]) == ["connector", "reasoning"]
    assert (out / "logs" / "connector" / "log.csv").is_file()
    assert not (tmp_path / "trained.training").exists()
    picture = next((instruct.parent / "world" / "pictures").rglob("*.png"))
    told = tmp_path / "told.jsonl"
    assert main(["mmllm", "chat", str(out), str(picture), "--label", "joy", "--max-tokens", "4", "--json", str(told)]) == 0
    assert told.read_text().count("\n") >= 2


def test_a_stage_that_was_done_is_not_done_again(instruct, composed, tmp_path, capsys, monkeypatch):
    from affect_workbench.probes.mmllm import training

    real, asked = training.train_stage, []

    def once(model, processor, stage, *rest, **more):
        asked.append(stage.name)
        if asked == ["connector", "reasoning"]:
            raise KeyboardInterrupt
        return real(model, processor, stage, *rest, **more)

    monkeypatch.setattr(training, "train_stage", once)
    line = ["mmllm", "train", str(composed), "--data", str(instruct), "--steps", "2", "-o", str(tmp_path / "trained")]
    assert main(line) != 0
    assert not (tmp_path / "trained").exists()
    assert main([*line, "--seed", "1"]) == 2
    assert "is of a run with another seed" in capsys.readouterr().err
    assert main(line) == 0
    assert asked == ["connector", "reasoning", "reasoning"]
    assert "stage connector: done before" in capsys.readouterr().out


def test_broken_lines_and_missing_pictures_are_named_and_the_rest_is_learned(instruct, composed, tmp_path, capsys):
    lines = (instruct / "pretraining.jsonl").read_text().splitlines()
    gone = json.loads(lines[0]) | {"images": ["/nowhere/gone.png"], "image": "/nowhere/gone.png"}
    data = tmp_path / "data.jsonl"
    data.write_text("\n".join([json.dumps(gone), "{broken", *lines[1:]]) + "\n")
    line = [
        "mmllm",
        "train",
        str(composed),
        "--data",
        str(data),
        "--stage",
        "1",
        "--steps",
        "1",
        "-o",
        str(tmp_path / "out"),
    ]
    assert main(line) == 0
    said = capsys.readouterr().out
    assert "1 broken line left out: line 2" in said
    assert "1 picture is missing (/nowhere/gone.png): 1 conversation left out" in said
    assert main([*line[:-1], str(tmp_path / "other"), "--stage", "2"]) == 2
    assert "learns from fine-tuning conversations, and the data have none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--stage", "1"], "missing MODEL"),
        (["MODEL"], "missing --data"),
        (["MODEL", "--stage", "0"], "stage 0 begins from nothing"),
        (["MODEL", "--stage", "3", "--data", "x"], "has no stage '3'"),
        (["MODEL", "--recipe", "tinny", "--data", "x"], "there is no recipe 'tinny'"),
        (["MODEL", "--data", "nowhere"], "no instruct data at nowhere"),
        (["MODEL", "--steps", "-1", "--data", "x"], "--steps -1"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(composed, tmp_path, capsys, words, reason):
    line = [str(composed) if word == "MODEL" else word for word in words]
    assert main(["mmllm", "train", *line, "-o", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err.strip()
    assert reason in error
    assert len(error.splitlines()) == 1


def test_a_language_model_that_cannot_read_is_not_gone_on_with(tmp_path, capsys, monkeypatch):
    from affect_workbench.probes.mmllm.language import exam

    monkeypatch.setattr(exam, "text_exam", partial(exam.text_exam, pictures=10))
    line = ["mmllm", "train", "--stage", "0", "--pictures", "40", "--steps", "1", "-o", str(tmp_path / "lm")]
    assert main(line) == 2
    said = capsys.readouterr()
    assert "cannot read subject" in said.err
    assert "exam in words: subject 0%" in said.out
    assert "statements about what is described: 0% judged rightly, where guessing gives 50%" in said.out
    assert main([*line, "--skip-exam"]) == 0
    assert json.loads((tmp_path / "lm" / "trained.json").read_text())["stages"]["language"]["exam"]["subject"] == 0
