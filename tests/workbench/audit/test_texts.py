"""Do texts become a run folder by the real command, with evidence, escaped, and is what is wrong told in a line?"""

from __future__ import annotations

import html
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from affect_workbench.analyses.texts.measures import REFUSAL, TEXT_PREFIX, VALENCE
from affect_workbench.workbench.audit.texts import text_lexicon
from affect_workbench.workbench.report.html import report_html
from affect_workbench.workbench.runs.store import load_audit
from workbench_runs import HOSTILE, refusal, succeeded, workbench

SAD = f"{TEXT_PREFIX}sadness"
QUICK = ("--resamples", 99)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with answers as LLaVA writes them, gloomier of dark pictures, their attributes, and a broken line."""
    folder = tmp_path_factory.mktemp("texts")
    rng = np.random.default_rng(0)
    n = 240
    tone = rng.choice(["dark", "light"], n)
    Image.new("RGB", (8, 8), "navy").save(folder / "picture.png")
    faces = pd.DataFrame(
        {"image_id": [f"{at:03}" for at in range(n)], "tone": tone, "place": rng.choice(["park", "home"], n)}
    )
    faces.assign(group_id=[f"person {at // 2}" for at in range(n)], path=str(folder / "picture.png")).to_csv(
        folder / "faces.csv", index=False
    )
    lines = []
    for at in np.repeat(np.arange(n), 2):
        word = "gloomy" if rng.random() < 0.15 + 0.45 * (tone[at] == "dark") else rng.choice(["cheerful", "calm"])
        refused = rng.random() < 0.07
        text = "Sorry, I can't help with that." if refused else f"It looks {word} in {HOSTILE[at % 4]}."
        lines.append(
            json.dumps({"question_id": f"{at:03}", "prompt": "How does it feel?", "text": text, "model_id": "llava"})
        )
    (folder / "answers.jsonl").write_text("\n".join([*lines[:5], '{"question_id": "00', *lines[5:]]), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def run(given: Path) -> Path:
    outcome = succeeded(*words(given), *QUICK, "-o", given / "run")
    assert "warning: answers.jsonl: 1 line is no JSON object, left out: line 6" in outcome.out
    assert "refusals and 0 empty texts of 480 texts" in outcome.out
    assert "pictures come in 120 groups (group_id)" in outcome.out
    return given / "run"


def words(given: Path) -> tuple[object, ...]:
    return ("audit", "--texts", given / "answers.jsonl", "--attributes", given / "faces.csv")


def test_the_leading_finding_is_a_plain_sentence_with_texts_beside_the_picture(run: Path) -> None:
    result = load_audit(run)
    top = result.outcomes.iloc[0]
    assert (top["outcome"], top["verdict"], top["method"]) == (SAD, "skewed", "cluster-robust")
    page = (run / "report.html").read_text(encoding="utf-8")
    findings = page.partition('id="findings"')[2].partition("</section>")[0]
    assert "Of the texts about pictures with " in findings
    assert "have a word of sadness" in findings
    assert "It looks gloomy in" in findings
    pictures = result.samples.loc[result.samples["tone"] == "dark", "image_id"]
    texts = result.tables["texts"]
    gloomy = texts["text"].str.contains("gloomy") & texts["image_id"].isin(pictures)
    assert f"Its words there: gloomy {gloomy.sum()}." in findings
    assert findings.index('src="data:image') < findings.index("<q>It looks gloomy")
    assert report_html(result) == page == report_html(load_audit(run))
    assert "480 texts about 240 pictures are compared" in page
    assert "2 points of a share of texts" in page


def test_nothing_in_a_text_runs_or_breaks_out(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    for text in HOSTILE[:3]:
        assert text not in page
    assert html.escape(HOSTILE[0], quote=False) in page
    assert "{{ 7*7 }}" in page


def test_findings_are_files_gates_and_comparisons_as_of_any_numbers(run: Path, given: Path, tmp_path: Path) -> None:
    record = json.loads((run / "findings.json").read_text(encoding="utf-8"))
    assert record["findings"][0]["outcome"] == SAD
    assert record["findings"][0]["sentence"].startswith("Of the texts about pictures with tone: ")
    assert workbench(*words(given), *QUICK, "--fail-on", "skewed", "-o", tmp_path / "gate").code == 1
    rows = [json.loads(line) for line in (given / "answers.jsonl").read_text().splitlines() if line.endswith("}")]
    plain = [row | {"text": row["text"].replace("gloomy", "calm")} for row in rows]
    (tmp_path / "calm.jsonl").write_text("\n".join(map(json.dumps, plain[:-1] + rows[-1:])))
    calm = [*words(given)[:2], tmp_path / "calm.jsonl", *words(given)[3:]]
    succeeded(*calm, *QUICK, "-o", tmp_path / "calm")
    assert "better" in succeeded("compare", run, tmp_path / "calm", "-o", tmp_path / "compare").out


def test_words_of_the_attribute_are_left_out_unless_they_are_asked_for(given: Path, tmp_path: Path) -> None:
    answers = pd.read_csv(given / "faces.csv", dtype=str)[["image_id", "tone"]]
    answers["caption"] = [f"A {tone} picture{', a calm one' * (at % 3 > 0)}." for at, tone in enumerate(answers["tone"])]
    answers[["image_id", "caption"]].to_csv(tmp_path / "captions.csv", index=False)
    pd.DataFrame({"word": ["dark", "calm"], "valence": [-1, 1]}).to_csv(tmp_path / "lexicon.csv", index=False)
    call = ("audit", "--texts", tmp_path / "captions.csv", "--attributes", given / "faces.csv", *QUICK)
    call = (*call, "--valence", tmp_path / "lexicon.csv", "--order", 1)
    succeeded(*call, "-o", tmp_path / "left-out")
    succeeded(*call, "--keep-attribute-words", "-o", tmp_path / "kept")
    verdicts = []
    for name in ("left-out", "kept"):
        outcomes = load_audit(tmp_path / name).outcomes.set_index(["slice", "outcome"])
        verdicts.append(outcomes["verdict"].get(("tone: dark", VALENCE)))
        page = (tmp_path / name / "report.html").read_text(encoding="utf-8")
        assert "Words of the attribute itself" in page
        assert f"{VALENCE}, tone: dark: " in page
    assert verdicts == [None, "skewed"]  # nothing is left to compare without the word


def test_a_file_of_words_is_read_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.csv"
    path.write_text("label,valence\nHappy,2\nsad,-1.5\n")
    assert text_lexicon(valence=str(path)).valence == {"happy": 2.0, "sad": -1.5}
    for content, reason in (
        ("word,number\nsad,1\n", "expected label and valence"),
        ("word,valence\nsad,x\n", "the valence of 'sad' is not a number"),
        ("word,valence\nsad,1\nSad,2\n", "gives 'sad' two valences, 1 and 2"),
    ):
        path.write_text(content)
        with pytest.raises(ValueError, match=reason):
            text_lexicon(valence=str(path))
    assert text_lexicon("ekman6").emotions == ("anger", "disgust", "fear", "joy", "sadness", "surprise")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (["--predictions", "x.csv"], "--predictions: not with --texts, in which nothing is predicted"),
        (["--outcomes", "valence"], "--outcomes: not with --texts"),
        (["--concepts", "a dog"], "--concepts: not with --texts"),
        (["--attributes", "gone.csv"], "no table at gone.csv"),
        (["--split", "test"], "is in split 'test'"),
        (["--text-column", "zzz"], "has no column 'zzz'"),
        (["--taxonomy", "zzz"], "zzz"),
    ],
)
def test_what_does_not_go_with_texts_is_refused_in_a_line(given: Path, tmp_path: Path, more: list[str], reason: str) -> None:
    assert reason in refusal(*words(given)[:3], *QUICK, "-o", tmp_path / "run", *more)


def test_options_of_texts_need_texts(tmp_path: Path) -> None:
    assert "no texts at gone.jsonl" in refusal("audit", "--texts", "gone.jsonl", "-o", tmp_path / "run")
    line = refusal("audit", "--predictions", "x.csv", "--keep-attribute-words", "-o", tmp_path / "run")
    assert "--keep-attribute-words goes with --texts" in line


def test_who_gets_refusals_is_an_outcome(run: Path) -> None:
    outcomes = load_audit(run).outcomes
    assert (outcomes[outcomes["outcome"] == REFUSAL]["verdict"] != "skewed").all()
