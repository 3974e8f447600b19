from __future__ import annotations

import argparse
import subprocess
import sys

import pytest

from affect_workbench.workbench.__main__ import COMMANDS
from affect_workbench.workbench.audit.settings import AuditSettings
from affect_workbench.workbench.benchmark.settings import DemoSettings
from affect_workbench.workbench.interface.options import add_arguments, build, current_words, key_of, options, read_toml
from affect_workbench.workbench.models.training.settings import TrainSettings
from workbench_runs import workbench


def parsed(kind, *words):
    parser = argparse.ArgumentParser()
    add_arguments(parser, kind)
    return vars(parser.parse_args(list(words)))


def toml(tmp_path, text):
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_every_command_has_help(command):
    for name, item in options(COMMANDS[command]).items():
        assert item.metadata["help"], name


def test_without_a_flag_the_default_holds():
    assert build(TrainSettings, {"features": "f", "out": "o"}) == TrainSettings(features="f", out="o")


def test_a_flag_beats_the_file_and_the_file_beats_the_default(tmp_path):
    path = toml(tmp_path, 'features = "from-file"\nout = "o"\nepochs = 3\nseed = 5\nfolds = 4\n')
    settings = build(TrainSettings, read_toml(path, TrainSettings) | parsed(TrainSettings, "--seed", "9", "--folds", "2"))
    assert (settings.features, settings.fit.epochs, settings.fit.seed, settings.folds) == ("from-file", 3, 9, 2)
    assert settings.holdout == TrainSettings().holdout


def test_a_flag_can_take_back_a_switch_of_the_file(tmp_path):
    path = toml(tmp_path, 'out = "o"\nbias = false\n')
    assert build(DemoSettings, read_toml(path, DemoSettings)).bias is False
    assert build(DemoSettings, read_toml(path, DemoSettings) | parsed(DemoSettings, "--bias")).bias is True


@pytest.mark.parametrize("text", ['attributes = "genre, style"', 'attributes = ["genre", "style"]'])
def test_attributes_are_a_list_or_names_with_commas(tmp_path, text):
    assert read_toml(toml(tmp_path, text), AuditSettings) == {"attributes": ("genre", "style")}
    assert parsed(AuditSettings, "--attributes", "genre, style")["attributes"] == ("genre", "style")


def test_keys_may_be_written_with_hyphens(tmp_path):
    assert read_toml(toml(tmp_path, 'scores-prefix = "clip_"\nmap-pictures = 0\n'), AuditSettings) == {
        "scores_prefix": "clip_",
        "map_pictures": 0,
    }


def test_a_whole_number_stands_for_a_number(tmp_path):
    given = read_toml(toml(tmp_path, "tolerance = 0\n"), AuditSettings)
    assert isinstance(given["tolerance"], float)


def test_nested_settings_reach_their_config():
    settings = build(AuditSettings, parsed(AuditSettings, "-o", "o", "--order", "1", "--alpha", "0.1", "--split", "test"))
    assert (settings.audit.order, settings.audit.alpha, settings.split) == (1, 0.1, "test")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", "unknown key 'epoch': did you mean epochs"),
        ("wheelbarrow = 3", "unknown key 'wheelbarrow': known: features"),
        ("[fit]\nepochs = 3", "unknown key 'fit'"),
        ("epochs = 'three'", "epochs = 'three' is not a whole number"),
        ("epochs = 3.5", "epochs = 3.5 is not a whole number"),
        ("epochs = true", "epochs = True is not a whole number"),
        ("dropout = 'much'", "dropout = 'much' is not a number"),
        ("dropout = true", "dropout = True is not a number"),
        ("overwrite = 1", "overwrite = 1 is not true or false"),
        ("features = 7", "features = 7 is not text"),
        ("features = ", "not valid TOML"),
    ],
)
def test_a_bad_file_is_refused_by_key_value_and_kind(tmp_path, text, message):
    path = toml(tmp_path, text)
    with pytest.raises(ValueError, match=message) as caught:
        read_toml(path, TrainSettings)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("value", ["3", "[1, 2]", "{ a = 1 }"])
def test_a_list_of_anything_but_text_is_refused(tmp_path, value):
    with pytest.raises(ValueError, match=r"attributes = .* is not a list of text"):
        read_toml(toml(tmp_path, f"attributes = {value}"), AuditSettings)


def test_a_file_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not valid TOML"):
        read_toml(tmp_path / "binary.toml", TrainSettings)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no settings at .*nowhere\.toml"):
        read_toml(tmp_path / "nowhere.toml", TrainSettings)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (TrainSettings, "missing --features and --out"),
        (AuditSettings, "missing --out"),
        (COMMANDS["evaluate"], "missing --features and --probe"),
        (COMMANDS["report"], "missing RUN"),
    ],
)
def test_missing_required_settings_are_named(kind, message):
    with pytest.raises(ValueError, match=message):
        build(kind, {})


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (TrainSettings, {"loss": "hinge"}, "unknown loss 'hinge'.*info_nce"),
        (TrainSettings, {"epochs": 0}, "epochs is 0: expected between 1"),
        (AuditSettings, {"order": 4}, "order is 4: expected between 1 and 3"),
        (AuditSettings, {"alpha": 0.9}, r"alpha is 0\.9"),
    ],
)
def test_values_out_of_range_are_named_with_the_legal_ones(kind, given, message):
    with pytest.raises(ValueError, match=message):
        build(kind, {"features": "f", "out": "o"} | given)


def test_settings_import_nothing_heavy():
    code = "import sys, affect_workbench.workbench.__main__; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "affect_workbench.workbench.__main__" in loaded
    assert not {"torch", "transformers", "pandas", "numpy", "streamlit", "plotly", "scipy"} & set(loaded)


# Names that were others before


@pytest.mark.parametrize(
    ("command", "words", "current", "notice"),
    [
        ("audit", ["--gold", "a.csv"], ["--concept-labels", "a.csv"], "--gold is now --concept-labels; "),
        ("audit", ["--gold=a.csv"], ["--concept-labels=a.csv"], "--gold is now --concept-labels; "),
        ("audit", ["--no-further"], ["--no-additional-analyses"], "--no-further is now --no-additional-analyses; "),
        ("audit", ["--fail-on-skew"], ["--fail-on", "skewed"], "--fail-on-skew is now --fail-on skewed; "),
        ("audit", ["--no-fail-on-skew"], [], "--no-fail-on-skew is now "),
        ("train", ["--twins", "0"], ["--equivalent-labels", "0"], "--twins is now --equivalent-labels; "),
        ("evaluate", ["--answer-at", "0.8"], ["--target-accuracy", "0.8"], "--answer-at is now --target-accuracy; "),
    ],
)
def test_an_old_flag_works_with_one_line_of_notice(capsys, command, words, current, notice):
    assert current_words(words, COMMANDS[command]) == current
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"note: {notice}")
    parsed(COMMANDS[command], *current)


def test_current_words_stay_as_they_are_without_a_notice(capsys):
    words = ["--concept-labels", "gold", "--no-additional-analyses", "-o", "--out"]
    assert current_words(words, AuditSettings) == words
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('gold = ["a.csv"]', {"concept_labels": ("a.csv",)}),
        ("answer-at = 0.8", {"target_accuracy": 0.8}),
        ("further = false", {"further": False}),
        ("additional-analyses = false", {"further": False}),
        ("fail_on_skew = true", {"fail_on": "skewed"}),
        ("fail_on_skew = false", {}),
    ],
)
def test_an_old_key_of_a_file_works_with_a_notice(tmp_path, capsys, text, expected):
    assert read_toml(toml(tmp_path, text), AuditSettings) == expected
    assert len(capsys.readouterr().err.splitlines()) == (not text.startswith("additional"))


@pytest.mark.parametrize("command", COMMANDS)
def test_no_name_is_used_twice_and_no_old_one_is_in_use(command):
    items = list(options(COMMANDS[command]).values())
    old = [name for item in items if (was := item.metadata.get("was")) for name in ([was] if isinstance(was, str) else was)]
    names = [key_of(item) for item in items] + old
    assert len(set(names)) == len(names)


def test_only_the_first_of_several_processes_prints_the_notice(monkeypatch, capsys):
    monkeypatch.setenv("RANK", "1")
    assert current_words(["--twins=0"], TrainSettings) == ["--equivalent-labels=0"]
    assert capsys.readouterr().err == ""


def test_an_old_command_works_with_one_line_of_notice():
    outcome = workbench("selftest", "nowhere")
    assert outcome.code == 2
    first, error = outcome.error_lines
    assert first.startswith("note: selftest is now permutation-check; ")
    assert error.startswith("workbench permutation-check: error: ")
