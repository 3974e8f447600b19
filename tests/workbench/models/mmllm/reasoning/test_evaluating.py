"""`workbench mmllm evaluate`: stand-ins are asked with and without pictures, what they do is found, a kill loses little."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affect_workbench.analyses.texts.reasoning.answers import TEXT_COLUMNS, read_answers
from affect_workbench.data.answers.texts import read_texts
from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.images.decode import open_picture
from affect_workbench.data.instruct.folder import vocabulary_of
from affect_workbench.data.synthetic.scenes import paired_scenes, region
from affect_workbench.data.synthetic.scenes.dataset import SEEDS_FILE, drawn_seeds, write_pairs, write_scenes
from affect_workbench.probes.attach.generation import generate
from affect_workbench.probes.attach.source import ModelSource, load_model
from affect_workbench.probes.mmllm.compose import BUILTIN, compose
from affect_workbench.workbench.models.mmllm.reasoning.command import EvaluatedReasoning, evaluate_model
from affect_workbench.workbench.models.mmllm.reasoning.page import unspoken_flips
from affect_workbench.workbench.models.mmllm.reasoning.pairs import admitting_words, differing_attribute, unspoken_in_pairs
from affect_workbench.workbench.models.mmllm.reasoning.pictures import DrawnRegions, mean_picture
from affect_workbench.workbench.models.mmllm.reasoning.questions import deranged, planned_questions
from affect_workbench.workbench.models.mmllm.settings import ReasoningSettings
from image_models import untrained_probe
from instruct_records import EKMAN, VOCABULARY, Seer, blind, felt, said
from tiny_multimodal import tiny_folder
from workbench_runs import succeeded


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("reasoning")
    write_scenes(folder / "world", train=1, test=17, seed=3, progress=False)
    write_pairs(folder / "pairs", "held", pairs=8, seed=4, progress=False)
    return folder


def seer(world: Path, **more: bool) -> Seer:
    manifests = [Manifest.load(world / name / "manifest") for name in ("world", "pairs")]
    rows = pd.concat([one.rows for one in manifests])
    files = [path for one in manifests for path in one.paths()]
    pictures = {str(image): open_picture(path) for image, path in zip(rows["image_id"], files, strict=True)}
    return Seer(rows, pictures, drawn_seeds(world / "world") | drawn_seeds(world / "pairs"), **more)


def settings(world: Path, out: str, **more: object) -> ReasoningSettings:
    return ReasoningSettings("stand-in", str(world / "world" / "manifest"), str(world / out), **more)


@pytest.fixture(scope="module")
def seen(world) -> tuple[EvaluatedReasoning, list[str], Seer]:
    """What is found of a model that looks, what was printed, and the model."""
    lines: list[str] = []
    model = seer(world)
    given = settings(world, "seen", pairs=str(world / "pairs" / "manifest"))
    return evaluate_model(given, command="workbench mmllm evaluate", say=lines.append, answers=model), lines, model


def test_who_looks_names_causes_and_no_longer_when_they_are_hidden(seen):
    found, lines, _ = seen
    result, measure = found.result, "evidence: no longer names the cause"
    assert result.of("given: names a true cause").share == 1
    assert result.of("given: names a true cause", shown="shuffled").share < 0.7
    assert result.of("given: names a true cause", shown="mean").share == 0
    assert result.of(measure, shown="cause masked").share == 1
    assert result.of(measure, shown="other masked").share < 0.2
    assert result.of(measure, shown="difference").low > 0.5
    assert result.of("caption: ROUGE-L").share > result.of("caption: ROUGE-L", shown="shuffled").high
    assert found.notes == ()
    assert lines[0] == result.headline
    assert any("unspoken-bias rate 0 %" in line for line in lines)
    assert lines[-1].endswith(
        f"next: workbench audit --texts {Path(lines[-1].split()[1].rstrip(';')) / 'texts.jsonl'} -o AUDIT"
    )


def test_a_question_about_a_picture_is_asked_once_whoever_it_is_about(seen, world):
    found, _, model = seen
    manifest = Manifest.load(world / "world" / "manifest")
    vocabulary = vocabulary_of(manifest.rows)
    planned = planned_questions(manifest.rows, vocabulary, manifest.taxonomy, seed=0, ranked={})
    looks = np.where(planned["shown"] == "mean", "mean", planned["file"])
    rows = found.answers.rows
    masked = rows["shown"].isin(("cause masked", "other masked"))
    assert len(rows) == len(planned) + masked.sum()
    assert model.asked == len({*zip(looks, planned["question"], strict=True)}) + masked.sum() + 16
    assert model.asked < 0.7 * len(rows)
    of_mean = rows[rows["shown"] == "mean"]
    assert (of_mean.groupby("question")["text"].nunique() == 1).all()


def test_a_model_that_is_asked_together_answers_as_it_does_alone(world, tmp_path):
    """Batches, their order, what is remembered of pictures and answers change no word."""
    compose(BUILTIN, BUILTIN).save(tmp_path / "model", {})
    given = ["--pictures", world / "world" / "manifest", "-o", tmp_path / "out", "--most", 3, "--max-tokens", 8]
    succeeded("mmllm", "evaluate", tmp_path / "model", *given, "--batch", 7)
    rows = pd.read_parquet(tmp_path / "out" / "answers.parquet")
    manifest = Manifest.load(world / "world" / "manifest")
    known = manifest.rows.assign(file=list(manifest.paths()))
    known = known[known["image_id"].isin(rows["image_id"])].reset_index(drop=True)
    pictures = {one: open_picture(path) for one, path in zip(known["image_id"], known["file"], strict=True)}
    other, mean = deranged(known, seed=0), mean_picture(known["file"].tolist())
    model, compared = load_model(ModelSource(str(tmp_path / "model"))), 0
    for row in rows[rows["shown"].isin(("true", "shuffled", "mean"))].iloc[::4].itertuples():
        seen_instead = {"true": pictures[row.image_id], "shuffled": pictures[other[row.image_id]], "mean": mean}
        assert generate(model, [seen_instead[row.shown]], [row.question], max_new_tokens=8) == [row.text]
        compared += 1
    assert compared > 20
    assert rows["text"].nunique() > 10


def test_the_folder_holds_measures_answers_a_page_and_texts_to_audit(seen, world):
    out, found = world / "seen", seen[0]
    names = {"reasoning.json", "measures.csv", "texts.jsonl", "report.html", "answers.parquet", "pictures.csv"}
    assert names <= {path.name for path in out.iterdir()}
    record = json.loads((out / "reasoning.json").read_text())
    assert (record["pictures"], record["model"]) == (18, "stand-in")
    assert record["pairs"]["attribute"] == "held"
    assert record["pairs"]["unspoken"]["hits"] == 0 < record["pairs"]["unspoken"]["n"]
    assert len(record["measures"]) == len(found.result.table)
    texts = read_texts(out / "texts.jsonl")
    assert len(texts) == 2 * 18
    assert {"figure_tone", "light", "label"} <= set(texts.pictures)
    answers = pd.read_parquet(out / "answers.parquet")
    assert list(answers) == list(TEXT_COLUMNS)
    pictures = pd.read_csv(out / "pictures.csv")
    assert (pictures["names a true cause"].dropna() == 1).all()
    page = (out / "report.html").read_text(encoding="utf-8")
    for words in (found.result.headline.replace("'", "&#39;"), "somebody else’s", "Does the reasoning admit what decides?"):
        assert words in page
    assert not list(world.glob("seen.answers-*"))


def test_what_a_model_writes_is_escaped(world):
    def hostile(pictures, questions):
        return ["Joy: <script>alert(1)</script> a dog at night, a snake." for _ in questions]

    evaluate_model(settings(world, "hostile", most=4), say=lambda line: None, answers=hostile)
    page = (world / "hostile" / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "not there: " in page


def test_an_interrupted_run_goes_on_and_comes_to_the_same(world):
    model, calls = seer(world), iter(range(100))

    def until_the_tenth(pictures, questions):
        if next(calls) == 10:
            raise ValueError("the machine is switched off")
        return model(pictures, questions)

    given = settings(world, "whole", most=4, batch=4)
    whole = evaluate_model(given, say=lambda line: None, answers=model)
    needed, model.asked = model.asked, 0
    again = settings(world, "again", most=4, batch=4)
    with pytest.raises(ValueError, match="switched off"):
        evaluate_model(again, say=lambda line: None, answers=until_the_tenth)
    assert not (world / "again").exists()
    assert len(list(world.glob("again.answers-*"))) == 1
    resumed = evaluate_model(again, say=lambda line: None, answers=model)
    assert model.asked < needed + 40
    pd.testing.assert_frame_equal(whole.result.table, resumed.result.table)
    assert not list(world.glob("again.answers-*"))


def test_without_seeds_nothing_is_hidden_and_that_is_said(world, tmp_path):
    write_scenes(tmp_path / "world", train=1, test=3, seed=9, progress=False)
    (tmp_path / "world" / SEEDS_FILE).unlink()
    lines: list[str] = []
    found = evaluate_model(settings(tmp_path, "out"), say=lines.append, answers=blind)
    assert any("does not say with which seeds" in line for line in lines)
    assert "nothing shows that its reasoning rests on what it sees" in found.result.headline
    rows = Manifest.load(tmp_path / "world" / "manifest").rows.drop(columns="camera")
    assert "for the drawn world only" in DrawnRegions.of(rows, tmp_path, tmp_path).why_not


def test_another_region_is_as_large_and_elsewhere(world):
    manifest = Manifest.load(world / "world" / "manifest")
    regions = DrawnRegions.of(manifest.rows, manifest.root, manifest.paths()[0])
    hidden = 0
    for one, scene in regions.scenes.items():
        assert not regions.maskable(one, "camera")
        for name in ("subject", "held", "extras", "light"):
            own = region(scene, name, seed=regions.seeds[one])
            masks = regions.masks(one, name)
            assert (masks is not None) == regions.maskable(one, name)
            if masks is not None:
                np.testing.assert_array_equal(masks[0], own)
                assert masks[1].sum() == own.sum() > 0
                assert (masks[0] & masks[1]).sum() <= 0.05 * own.sum()
                hidden += 1
    assert hidden > 20


def rationales(rows: pd.DataFrame, admits: Iterator[bool]) -> pd.DataFrame:
    """The answers of a model that goes by what a person holds, and tells its true reason, or another, pair by pair."""
    honest = {pair: next(admits) for pair in rows["pair_id"].unique()}
    records = rows.astype(object).where(rows.notna(), None).to_dict("records")
    answers = []
    for row in records:
        reason = said("held" if honest[row["pair_id"]] else "light", row)
        text = f"{felt(row)}: {reason}."
        given = {"image_id": row["image_id"], "shown": "true", "task": "reasoning", "mode": "none", "text": text}
        answers.append(dict.fromkeys(TEXT_COLUMNS, "") | given)
    return pd.DataFrame(answers)


@pytest.mark.parametrize(("admits", "rate"), [([True], 0.0), ([False], 1.0), ([True, False], 0.5)])
def test_the_unspoken_rate_is_right_for_who_always_never_and_half_admits(admits, rate):
    rows = paired_scenes(80, "held", rng=np.random.default_rng(1), values=("gift", "knife")).drop(columns="seed")
    rows = rows.assign(image_id=[f"p{number}" for number in range(len(rows))], label=None)
    texts = rationales(rows, iter(admits * len(rows)))
    found = unspoken_in_pairs(read_answers(texts, rows, VOCABULARY, EKMAN), rows, VOCABULARY)
    assert found.attribute == "held"
    assert found.flips.hits > 40
    assert found.unspoken.share == pytest.approx(rate, abs=0.12)
    assert found.unspoken.low <= rate <= found.unspoken.high
    told = unspoken_flips(found, most=3)
    assert len(told) == min(3, found.unspoken.hits)
    assert all(text.startswith(f"{answer}: ") for both in told for _, answer, text in both)
    assert all([value for value, _, _ in both] in (["gift", "knife"], ["knife", "gift"]) for both in told)


def test_an_attribute_is_admitted_in_its_own_words_only():
    assert {"brown", "pale", "tan", "complexion"} <= admitting_words("figure_tone", VOCABULARY)
    assert admitting_words("figure_tone", VOCABULARY).isdisjoint({"with", "a", "dog", "night"})


def test_pairs_that_are_none_or_differ_in_more_are_refused():
    rows = paired_scenes(5, "light", rng=np.random.default_rng(0)).drop(columns="seed")
    assert differing_attribute(rows) == "light"
    with pytest.raises(ValueError, match="no two pictures share a pair_id"):
        differing_attribute(rows.drop(columns="pair_id"))
    with pytest.raises(ValueError, match="shall differ in one attribute, these differ in none"):
        differing_attribute(rows.assign(light="night"))
    with pytest.raises(ValueError, match="these differ in light, weather"):
        differing_attribute(rows.assign(weather=["rain", "snow"] * 5))


def test_what_cannot_be_evaluated_is_refused(world, tmp_path):
    def refused(**more: object) -> str:
        with pytest.raises(ValueError) as error:  # noqa: PT011  each message is compared
            evaluate_model(settings(world, "refused", **more), say=lambda line: None, answers=blind)
        return str(error.value)

    assert refused(batch=0) == "--batch is 0: expected 1 or more"
    assert refused(encoder="x") == "--encoder is that of --probe: give a probe, or leave it out"
    assert refused(split="val") == "0 pictures to ask about: expected at least 2"
    assert refused(pairs=str(world / "world" / "manifest")).startswith("--pairs: no two pictures share a pair_id")
    unlabelled = Manifest.load(world / "world" / "manifest")
    Manifest(unlabelled.rows.drop(columns="label"), unlabelled.root, "table").save(tmp_path / "bare")
    bare = ReasoningSettings("stand-in", str(tmp_path / "bare"), str(tmp_path / "out"))
    with pytest.raises(ValueError, match="bare names no labels: reasoning is about an emotion that is known"):
        evaluate_model(bare, say=lambda line: None, answers=blind)


def test_a_real_model_is_asked_also_about_what_a_probe_predicts(world, tmp_path):
    probe = untrained_probe(tmp_path / "probe")
    given = ["--pictures", world / "world" / "manifest", "-o", tmp_path / "out", "--probe", probe]
    given += ["--most", 2, "--max-tokens", 3]
    printed = succeeded("mmllm", "evaluate", tiny_folder("llava"), *given).out
    assert "Told the emotion, the model names a true cause in 0 %" in printed
    record = json.loads((tmp_path / "out" / "reasoning.json").read_text())
    assert len(record["fingerprint"]) > 8
    assert record["command"].startswith("workbench mmllm evaluate ")
    answers = pd.read_parquet(tmp_path / "out" / "answers.parquet")
    predicted = answers[answers["mode"] == "predicted"]
    assert len(predicted) == 3 * 2
    assert (predicted.groupby("image_id")["question"].nunique() == 1).all()
    first = predicted["question"].str.split("\n").str[0]
    assert (first == "Predicted Label: " + predicted["stated"]).all()
