"""Do the commands do what they say, leave nothing half-done, and answer every bad input with one clear line?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from workbench.cli import main
from workbench.settings import COMMANDS, AuditSettings, TrainSettings, build, read_toml
from workbench.store import load_audit, runs_under

REQUIRED = ["slice", "where", "emotion", "n", "rate", "complement_rate", "effect", "low", "high", "p", "q"]
REQUIRED += ["detectable", "verdict"]


def tree(root: Path, *, width: int = 16, classes: tuple[str, ...] = ("anger", "joy"), each: int = 20) -> Path:
    """TinyEmo's layout with two separable classes."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(classes):
        folder = root / "images" / "train" / name
        folder.mkdir(parents=True)
        for picture in range(each):
            torch.save(torch.tensor(rng.normal(size=width) + 2 * number).half(), folder / f"{picture}.pt")
    return root


def table(path: Path, n: int = 400, **columns: object) -> Path:
    """Predictions in which dark pictures are read as anger far more often."""
    rng = np.random.default_rng(1)
    tone = rng.choice(["dark", "light"], n)
    angry = rng.random(n) < np.where(tone == "dark", 0.6, 0.2)
    frame = pd.DataFrame(
        {"image_id": [f"p{i}" for i in range(n)], "predicted": np.where(angry, "anger", "joy"), "tone": tone}
    )
    frame.assign(**columns).to_csv(path, index=False)
    return path


def fails(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one line that the command leaves on standard error, with exit code 2."""
    capsys.readouterr()
    assert main([str(word) for word in words]) == 2
    printed = capsys.readouterr().err.replace("\r", "\n").splitlines()
    errors = [line for line in printed if ": error: " in line]
    assert len(errors) == 1
    assert printed[-1] == errors[0], "nothing may follow the error"
    return errors[0].split(": error: ", 1)[1]


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("probe")
    assert main(["train", "--features", str(tree(root / "tree")), "--taxonomy", "ekman6", "-o", str(root / "probe")]) == 0
    return root / "probe"


def test_help_names_every_command_without_loading_anything_heavy() -> None:
    code = (
        "import sys; from workbench.cli import _parser; text = _parser().format_help(); print(text);"
        "sys.exit(bool({'torch', 'pandas', 'numpy', 'streamlit', 'plotly', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert "usage: workbench " + command in capsys.readouterr().out


def test_a_flag_beats_the_file_and_the_file_beats_the_default(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('predictions = "t.csv"\norder = 1\ntolerance = 0\nattributes = "tone,light"\n')
    given = read_toml(tmp_path / "a.toml", AuditSettings) | {"order": 3, "out": "run"}
    settings = build(AuditSettings, given)
    assert (settings.audit.order, settings.audit.tolerance, settings.audit.bins) == (3, 0.0, 4)
    assert settings.attributes == ("tone", "light")
    assert build(TrainSettings, {"features": "f", "out": "o", "epochs": 3}).fit.epochs == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("toleranse = 0.1", "unknown key 'toleranse': did you mean tolerance?"),
        ('order = "two"', "order = 'two' is not a whole number"),
        ("order = true", "order = True is not a whole number"),
        ("overwrite = 1", "overwrite = 1 is not true or false"),
        ("order = ", "is not valid TOML"),
        ("attributes = [1]", r"attributes = \[1\] is not a list of text"),
    ],
)
def test_a_wrong_file_is_refused_by_key(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_toml(tmp_path / "a.toml", AuditSettings)


def test_train_evaluate_and_audit_meet(probe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = json.loads((probe / "metrics.json").read_text())
    assert metrics["low"] <= metrics["accuracy"] <= metrics["high"]
    assert metrics["n"] == 8
    assert set(metrics["baselines"]) == {"logistic regression", "class mean"}
    features = probe.parent / "tree"
    assert main(["evaluate", "--features", str(features), "--probe", str(probe), "-o", str(tmp_path / "evaluation")]) == 0
    assert "in-sample" in capsys.readouterr().out
    assert {"evaluation.json", "models.csv", "confusion.csv"} <= {path.name for path in (tmp_path / "evaluation").iterdir()}
    ids = [f"{name}/{number}" for name in ("anger", "joy") for number in range(20)]
    attributes = pd.DataFrame({"id": [*ids[:-2], "joy/99"], "tone": ["dark", "light", "pale"] * 13})
    attributes.to_csv(tmp_path / "attributes.csv", index=False)
    audit = ["audit", "--features", str(features), "--probe", str(probe), "--attributes", str(tmp_path / "attributes.csv")]
    assert main([*audit, "-o", str(tmp_path / "run")]) == 0
    printed = capsys.readouterr().out
    assert "32 of 40 predictions are in-sample" in printed
    assert "2 picture(s) have no row in the attribute table, first 'joy/18', 'joy/19'" in printed
    assert "1 row(s) of the attribute table match no picture, first 'joy/99'" in printed
    assert load_audit(tmp_path / "run").run["map"]["method"] == "umap"
    assert main([*audit, "-o", str(tmp_path / "unseen"), "--unseen-only"]) == 0
    unseen = load_audit(tmp_path / "unseen")
    assert len(unseen.samples) == 8
    assert unseen.run["map"]["method"] == "pca"
    assert not [note for note in unseen.run["notes"] if "in-sample" in note]


def test_folds_give_predictions_that_an_audit_takes(probe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    features, out = str(probe.parent / "tree"), tmp_path / "folds"
    assert main(["train", "--features", features, "--folds", "4", "-o", str(out)]) == 0
    rows = pd.read_parquet(out / "predictions.parquet")
    assert len(rows) == 40
    assert {"image_id", "label", "predicted", "score_anger", "score_joy"} <= set(rows)
    pd.DataFrame({"id": rows["image_id"], "tone": ["dark", "light"] * 20}).to_csv(tmp_path / "a.csv", index=False)
    words = ["audit", "--predictions", str(out), "--attributes", str(tmp_path / "a.csv"), "-o", str(tmp_path / "run")]
    assert main([*words, "--map-pictures", "0"]) == 0
    assert "in-sample" not in capsys.readouterr().out
    assert load_audit(tmp_path / "run").run["measure"] == "score"


def test_audit_json_is_what_was_promised(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert main(["audit", "--predictions", str(table(tmp_path / "t.csv", label="joy")), "-o", str(run)]) == 0

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    record = json.loads((run / "audit.json").read_text(), parse_constant=refuse)
    assert record["schema"] == 1
    assert {"findings", "excluded", "run"} <= set(record)
    assert all(set(REQUIRED) <= set(finding) for finding in record["findings"])
    dark = next(cell for cell in record["findings"] if cell["where"] == {"tone": "dark"} and cell["emotion"] == "anger")
    assert dark["slice"] == "tone: dark"
    assert dark["verdict"] == "skewed"
    assert dark["effect"] == pytest.approx(dark["rate"] - dark["complement_rate"])
    assert "command" in record["run"]
    assert {"slices.parquet", "structure.parquet", "samples.parquet", "report.html"} <= {path.name for path in run.iterdir()}


def test_an_audit_of_a_table_loads_no_model(tmp_path: Path) -> None:
    code = (
        f"import sys; from workbench.cli import main; main(['audit', '--predictions', {str(table(tmp_path / 't.csv'))!r}, "
        f"'-o', {str(tmp_path / 'run')!r}]); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_the_gate_opens_only_on_a_quiet_audit(tmp_path: Path) -> None:
    words = ["audit", "--predictions", str(table(tmp_path / "t.csv")), "--fail-on-skew"]
    assert main([*words, "-o", str(tmp_path / "a")]) == 1
    assert main([*words, "-o", str(tmp_path / "b"), "--tolerance", "0.5"]) == 0


def test_the_report_is_rebuilt_to_the_byte(tmp_path: Path) -> None:
    assert main(["audit", "--predictions", str(table(tmp_path / "t.csv")), "-o", str(tmp_path / "run")]) == 0
    first = (tmp_path / "run" / "report.html").read_bytes()
    assert main(["report", str(tmp_path / "run"), "-o", str(tmp_path / "again.html")]) == 0
    assert (tmp_path / "again.html").read_bytes() == first


def test_bad_features_are_named_in_one_line(tmp_path: Path, probe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert fails(capsys, "train", "--features", tmp_path / "none", "-o", out).startswith("no features at ")
    (tmp_path / "empty").mkdir()
    assert "holds no features the workbench knows" in fails(capsys, "train", "--features", tmp_path / "empty", "-o", out)
    broken = tree(tmp_path / "broken")
    file = broken / "images" / "train" / "joy" / "3.pt"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert "3.pt is not a readable tensor file (truncated" in fails(capsys, "train", "--features", broken, "-o", out)
    torch.save(torch.zeros(8), file)
    assert "1 file(s) are not 16 wide, first 'joy/3'" in fails(capsys, "train", "--features", broken, "-o", out)
    torch.save(torch.full((16,), float("nan")), file)
    assert "features of 1 picture(s) hold NaN" in fails(capsys, "train", "--features", broken, "-o", out)
    odd = tree(tmp_path / "odd", classes=("angr", "joy"))
    assert "first 'angr': did you mean anger?" in fails(
        capsys, "train", "--features", odd, "--taxonomy", "ekman6", "-o", out
    )
    other = tree(tmp_path / "other", width=32)
    message = fails(capsys, "audit", "--features", other, "--probe", probe, "-o", out)
    assert "16 wide, these are of an unnamed encoder, 32 wide" in message
    message = fails(capsys, "evaluate", "--features", probe.parent / "tree", "--encoder", "clip", "--probe", probe)
    assert "(differs in encoder)" in message
    assert "no attribute column" in fails(capsys, "audit", "--features", probe.parent / "tree", "--probe", probe, "-o", out)
    assert not out.exists()


def test_bad_tables_are_named_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, out = table(tmp_path / "good.csv", const="a"), tmp_path / "out"
    frame = pd.read_csv(good)

    def refused(changed: pd.DataFrame, *more: object) -> str:
        changed.to_csv(tmp_path / "bad.csv", index=False)
        return fails(capsys, "audit", "--predictions", tmp_path / "bad.csv", "-o", out, *more)

    assert "attribute 'const' has one value ('a') in 400 picture(s)" in refused(frame.drop(columns="tone"))
    assert "the table has no predictions" in refused(frame.drop(columns="predicted"))
    assert "1 id(s) occur more than once, first 'p1'" in refused(frame.replace({"image_id": {"p0": "p1"}}))
    assert "first 'joyy': did you mean joy?" in refused(frame.assign(label="joyy"), "--taxonomy", "ekman6")
    assert "did you mean tone?" in refused(frame, "--attributes", "tome")
    assert "no column starts with 'clip_'" in refused(frame, "--scores-prefix", "clip_")
    assert fails(capsys, "audit", "--predictions", good).endswith("missing --out")
    assert "either --features with --probe" in fails(capsys, "audit", "-o", out)
    assert not out.exists()


def test_nothing_is_replaced_unasked_and_nothing_foreign_ever(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["audit", "--predictions", str(table(tmp_path / "t.csv"))]
    assert main([*words, "-o", str(tmp_path / "run")]) == 0
    assert "pass --overwrite" in fails(capsys, *words, "-o", tmp_path / "run")
    assert main([*words, "-o", str(tmp_path / "run"), "--overwrite"]) == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert "was not written by the workbench" in fails(capsys, *words, "-o", tmp_path / "mine", "--overwrite")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_a_full_disk_leaves_one_line_and_no_run(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000));"
        f"from workbench.cli import main; sys.exit(main(['audit', '--predictions', {str(table(tmp_path / 't.csv'))!r}, "
        f"'-o', {str(tmp_path / 'run')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.replace("\r", "\n").splitlines()[-1].startswith("workbench audit: error: File too large")
    assert not (tmp_path / "run").exists()
    assert not list(tmp_path.glob(".run.partial-*"))


def test_a_kill_while_writing_leaves_nothing_that_reads_as_a_run(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "workbench.cli", "audit", "--predictions", str(table(tmp_path / "t.csv", n=20_000))]
    child = subprocess.Popen([*words, "-o", str(tmp_path / "run")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while child.poll() is None and not list(tmp_path.glob(".run.partial-*")):
        time.sleep(0.001)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert list(tmp_path.glob(".run.partial-*")), "the kill came before or after the writing"
    assert runs_under(tmp_path) == []
    assert subprocess.run([*words, "-o", str(tmp_path / "run")], capture_output=True, check=False).returncode == 0
    assert runs_under(tmp_path) == [tmp_path / "run"]
    assert not list(tmp_path.glob(".run.partial-*"))


def test_the_real_commands_of_the_readme_run(shared_data: Path, tmp_path: Path) -> None:
    emotion6, probe, audited = shared_data / "emotion6", tmp_path / "probe", tmp_path / "audit"
    assert main(["train", "--features", str(emotion6), "--taxonomy", "ekman6", "-o", str(probe)]) == 0
    assert json.loads((probe / "metrics.json").read_text())["accuracy"] > 0.65
    words = ["audit", "--features", str(emotion6), "--probe", str(probe), "-o", str(audited)]
    assert main([*words, "--attributes", str(emotion6 / "ratings_train.csv"), "--map-pictures", "0"]) == 0
    findings = load_audit(audited).findings
    pleasant = findings[findings["slice"].str.startswith("valence: above 6") & (findings["emotion"] == "joy")].iloc[0]
    assert pleasant["verdict"] == "skewed"
    assert pleasant["effect"] > 0.3
    paintings = ["audit", "--predictions", str(shared_data / "artemis_predictions" / "predictions.csv")]
    paintings += ["--scores-prefix", "clip_vit_b32_", "--votes-prefix", "votes_", "--attributes", "genre,style"]
    assert main([*paintings, "-o", str(tmp_path / "artemis"), "--map-pictures", "0"]) == 0
    result = load_audit(tmp_path / "artemis")
    assert (result.run["truth"], result.run["attributes"]) == ("votes", ["genre", "style"])


@pytest.mark.parametrize("bias", [True, False])
def test_the_demo_finds_what_it_planted_and_stays_quiet_without(bias: bool, tmp_path: Path, capsys) -> None:
    words = ["demo", "-o", str(tmp_path), "--pictures", "3000", "--no-show"]
    assert main(words if bias else [*words, "--no-bias"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\nfound: ") == (3 if bias else 0)
    assert "missed: " not in printed
    assert (load_audit(tmp_path / "audit").count("skewed") > 0) == bias
