"""`workbench mmllm chat`: a probe classifies, a model is asked in every mode, and what cannot be asked is told in a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from affect_workbench.data.images.decode import content_id, open_picture
from affect_workbench.data.synthetic.scenes.dataset import write_scenes
from affect_workbench.probes.attach.generation import generate
from affect_workbench.probes.attach.source import ModelSource, load_model
from affect_workbench.workbench.__main__ import with_command
from affect_workbench.workbench.interface.options import build
from affect_workbench.workbench.models.asking.loading import Loading
from affect_workbench.workbench.models.mmllm.browsing import labels_of, models_under, probes_under
from affect_workbench.workbench.models.mmllm.chatting import chat
from affect_workbench.workbench.models.mmllm.events import talks_so_far
from affect_workbench.workbench.models.mmllm.settings import ChatSettings
from image_models import untrained_probe
from workbench_runs import EKMAN, Outcome, refusal, workbench

MODEL = Path(__file__).parents[3] / "assets" / "planted-llava" / "fair"


@pytest.fixture(scope="module")
def model():
    return load_model(ModelSource(str(MODEL), device="cpu"))


@pytest.fixture(autouse=True)
def loaded_once(model, monkeypatch):
    """The command line gets the model that the other tests have."""
    monkeypatch.setattr(Loading, "load", lambda self, name, say: model)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("chat")
    manifest = write_scenes(folder / "world", train=1, test=2, seed=1, progress=False)
    return [folder / "world" / path for path in manifest.rows["path"]]


@pytest.fixture(scope="module")
def probe(tmp_path_factory) -> Path:
    return untrained_probe(tmp_path_factory.mktemp("chat") / "probe")


def asked(*words: object) -> Outcome:
    outcome = workbench("mmllm", "chat", MODEL, *words)
    assert outcome.code == 0, outcome.err
    return outcome


def refused(*words: object) -> str:
    return refusal("mmllm chat", MODEL, *words)


def talks(model, images, **given):
    """What is asked and answered in this process."""
    settings = build(ChatSettings, {"model": str(MODEL), "images": [str(path) for path in images], **given})
    return chat(settings, say=lambda line: None, write=lambda piece: None, model=model)


def test_the_probe_classifies_and_the_model_is_asked_about_its_label(model, pictures, probe, tmp_path):
    events = tmp_path / "events.jsonl"
    printed = asked(*pictures, "--probe", probe, "--show-prompt", "--json", events).out
    found = talks_so_far(events)
    assert [talk.picture for talk in found] == [str(path) for path in pictures]
    for talk in found:
        shares = [share for _, share in talk.emotions]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(1)
        (label, confidence), (second, less), (third, least), *_ = talk.emotions
        assert talk.label == label
        first, certainty, asked_for = talk.question.split("\n")
        assert first == f"Predicted Label: {label}"
        assert certainty == f"Confidence: {100 * confidence:.0f} %. Runner-up: {second}, {100 * less:.0f} %."
        assert asked_for == "Why does this picture convey this emotion?"
        assert f"{label} {100 * confidence:.1f} %, {second} {100 * less:.1f} %, {third} {100 * least:.1f} %" in printed
        assert talk.prompt in printed
        assert "<image> x 16" in talk.prompt
        assert "this picture convey this emotion" in talk.prompt
        answer = generate(model, [open_picture(Path(talk.picture))], [talk.question], max_new_tokens=160)
        assert [talk.text] == answer
        assert talk.text in printed


def test_events_are_told_in_order_and_a_line_on_its_way_waits(pictures, tmp_path):
    events = tmp_path / "events.jsonl"
    asked(pictures[0], tmp_path / "gone.png", "--json", events)
    told = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    kinds = [one["event"] for one in told]
    assert kinds[:3] == ["started", "unreadable", "asked"]
    assert set(kinds[3:-1]) == {"text"}
    assert kinds[-1] == "answer"
    assert "".join(one["text"] for one in told if one["event"] == "text").strip() == told[-1]["text"]
    (whole,) = talks_so_far(events)
    events.write_text(events.read_text(encoding="utf-8")[:-9], encoding="utf-8")
    assert talks_so_far(events) == [whole]
    assert talks_so_far(tmp_path / "not yet there") == []
    assert "exists" in refused(pictures[0], "--json", events)
    asked(pictures[0], "--json", events, "--overwrite")
    assert [talk.text for talk in talks_so_far(events)] == [whole.text]


def test_modes_change_the_label_and_nothing_else(model, pictures, probe):
    given = {"probe": str(probe), "question": "Why?", "certainty": False}
    (predicted,) = talks(model, pictures[:1], **given)
    (wrong,) = talks(model, pictures[:1], **given, mode="wrong")
    (none,) = talks(model, pictures[:1], **given, mode="none")
    (own,) = talks(model, pictures[:1], **given, label="Happiness")
    ranked = [label for label, _ in predicted.emotions]
    assert predicted.question == f"Predicted Label: {ranked[0]}\nWhy?"
    assert wrong.question == f"Predicted Label: {ranked[-1]}\nWhy?"
    assert f"{ranked[-1]}, which the probe holds for the least likely; predicted: {ranked[0]}" in wrong.why
    assert (none.question, none.label) == ("Why?", "")
    assert own.question == "Predicted Label: joy\nWhy?"
    assert predicted.emotions == wrong.emotions == none.emotions == own.emotions
    (other,) = talks(model, pictures[:1], **given, mode="wrong", label=ranked[-1])
    assert (other.label, other.why[-len(ranked[-1]) :]) == (ranked[-2], ranked[-1])


def test_without_a_probe_a_wrong_label_is_drawn_from_the_seed(model, pictures):
    given = {"mode": "wrong", "label": "joy", "taxonomy": "ekman6"}
    drawn = [talks(model, pictures[:1], **given, seed=seed)[0] for seed in range(4)]
    assert "joy" not in {talk.label for talk in drawn}
    assert len({talk.label for talk in drawn}) > 1
    assert all(f"drawn with seed {seed}; right: joy" in talk.why for seed, talk in enumerate(drawn))
    assert talks(model, pictures[:1], **given, seed=2) == [drawn[2]]
    assert not drawn[0].emotions


def test_a_broken_picture_is_named_and_the_rest_go_on(pictures, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(pictures[0].read_bytes()[:200])
    printed = asked(broken, pictures[0], "--mode", "none", tmp_path / "gone.png", pictures[0]).out
    assert f"{broken} is left out: " in printed
    assert f"{tmp_path / 'gone.png'} is left out: the file does not exist" in printed
    assert printed.count(f"\n{pictures[0]}\n") == 1
    assert "none of 2 pictures can be read, first" in refused(broken, tmp_path / "gone.png")


def test_what_the_model_does_not_know_is_said(pictures, probe, tmp_path):
    printed = asked(pictures[0], "--probe", probe).out
    assert "words of the questions as unknown: Predicted, Confidence:" in printed
    mikels = untrained_probe(tmp_path / "mikels", taxonomy="mikels8")
    line = refused(pictures[0], "--probe", mikels, "--mode", "given", "--label", "contentment")
    assert "does not know the label 'contentment'" in line


def test_a_picture_that_the_probe_was_trained_on_is_told(pictures, probe, tmp_path):
    told = "the probe was trained on 1 of these pictures"
    assert told not in asked(*pictures[:2], "--probe", probe).out
    knowing = untrained_probe(tmp_path / "probe", seen=[content_id(pictures[1])])
    assert told in asked(*pictures[:2], "--probe", knowing).out


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"weights": "of another year"}, "differs in weights"),
        ({"encoder": "unknown", "weights": ""}, "the features do not say which encoder made them"),
        (
            {"encoder": "open_clip:ViT-L-14", "weights": "0123456789ab"},
            "had its weights from a file: name it with --encoder",
        ),
    ],
)
def test_a_probe_of_another_encoder_is_refused_in_one_line(pictures, tmp_path, spec, message):
    probe = untrained_probe(tmp_path / "probe", **spec)
    assert message in refused(pictures[0], "--probe", probe)
    if spec.get("encoder") == "unknown":
        asked(pictures[0], "--probe", probe, "--encoder", "builtin:scenes")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--mode", "blind"), "--mode 'blind': expected given, predicted, none, wrong"),
        (("--mode", "given"), "needs the label that is given: --label"),
        (("--mode", "predicted"), "needs a probe that predicts: --probe"),
        (("--mode", "wrong"), "--mode wrong needs --probe, or the right --label and a --taxonomy"),
        (("--mode", "none", "--label", "joy"), "--label is not read in mode none"),
        (("--taxonomy", "ekman6"), "--taxonomy is for --mode wrong without --probe"),
        (("--mode", "wrong", "--taxonomy", "ekman6", "--label", "jo"), "label 'jo' is not in taxonomy 'ekman6'"),
        (("--max-tokens", 0), "--max-tokens 0"),
        (("--probe", "nowhere"), "nowhere"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(words, message):
    assert message in refused("a.png", *words)


def test_models_and_probes_under_a_folder_are_found_and_labels_read(probe, tmp_path):
    assert models_under(MODEL.parent) == sorted([MODEL, MODEL.parent / "biased"], key=age, reverse=True)
    assert probes_under(probe.parent) == [probe]
    assert probes_under(MODEL.parent) == []
    assert labels_of(probe) == EKMAN
    with pytest.raises(FileNotFoundError):
        labels_of(tmp_path)


def age(folder: Path) -> tuple[int, str]:
    return (folder / "config.json").stat().st_mtime_ns, str(folder)


def test_a_group_says_which_commands_it_has():
    assert with_command(["mmllm", "chat", "M"]) == ["mmllm chat", "M"]
    assert with_command(["audit", "chat"]) == ["audit", "chat"]
    assert "mmllm has no step 'cat': expected mmllm compose or train or chat or evaluate" in workbench("mmllm", "cat").err
    assert "mmllm needs a step: expected mmllm compose" in workbench("mmllm").err
    assert "missing IMAGES" in refusal("mmllm chat", MODEL)
