"""What of an audit is refused before anything that reads data is imported, and is nothing refused that could be asked?"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from affect_workbench.data.storage.delimited import header_of, read_cells
from affect_workbench.data.tables.headers import column_names
from affect_workbench.data.tables.read import columns_of
from workbench_runs import SLIM, predictions_table, refusal, succeeded

_READERS = {"numpy", "pandas", "pyarrow", "scipy", "sklearn", "statsmodels", "plotly", "umap", "torch", "jinja2"}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    predictions_table(60).to_csv(path, index=False)
    return path


def loaded_when_refused(*commands: list[object]) -> list[tuple[str, set[str]]]:
    """The error line of each refusal in a process of their own, and the modules that were loaded by then."""
    code = """
import contextlib, io, json, sys
from affect_workbench.workbench.__main__ import main
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as said:
        code = main(words)
    print(json.dumps([code, said.getvalue(), *sys.modules]))
"""
    given = json.dumps([[str(word) for word in words] for words in commands])
    ended = subprocess.run([sys.executable, "-c", code, given], capture_output=True, text=True, check=True)
    refused = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [exit_code for exit_code, *_ in refused] == [2] * len(commands), ended.stdout
    return [(line, set(modules)) for _, line, *modules in refused]


REFUSED: list[tuple[list[object], str]] = [
    (["--predictions", "nowhere.csv"], "no table at nowhere.csv"),
    (["--predictions", "table.xlsx"], "no table at table.xlsx"),
    (["--id-column", "kee"], "has no column 'kee' for the ids; its columns: image_id, predicted, label, tone, place"),
    (["--attributes", "plase"], "no attribute 'plase' in the data: did you mean place?"),
    (["--attributes", "zzz"], "no attribute 'zzz' in the data: columns: tone, place\n"),
    (["--attributes", "gone.csv"], "no table at gone.csv"),
    (["--adjust-for", "zzz"], "cannot adjust for 'zzz'"),
    (["--outcomes", "zzz"], "no outcome 'zzz' in the data"),
    (["--numeric", "zzz"], "--numeric names 'zzz'"),
    (["--categorical", "zzz"], "--categorical names 'zzz'"),
    (["--pairs", "zzz"], "--pairs zzz: there is no such column"),
    (["--training", "gone.csv"], "no table at gone.csv"),
    (["--training", "gone"], "no features at gone"),
    (["--fail-on", "zzz"], "--fail-on zzz: expected skewed"),
    (["--target-accuracy", "2"], "--target-accuracy is 2"),
    (["--order", "9"], "order is 9"),
    (["--concept-labels", "labels.csv"], "--concept-labels needs concepts"),
]


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, set[str]]]]:
    """Where the audits would have gone, and how each was refused: in one process, and what any imports stays."""
    folder = tmp_path_factory.mktemp("refused")
    predictions_table(60).to_csv(folder / "table.csv", index=False)
    given = [words if "--predictions" in words else ["--predictions", folder / "table.csv", *words] for words, _ in REFUSED]
    return folder / "run", loaded_when_refused(*(["audit", "-o", folder / "run", *words] for words in given))


@pytest.mark.parametrize("at", range(len(REFUSED)), ids=[said for _, said in REFUSED])
def test_what_paths_headers_and_options_tell_is_refused_before_any_reader_is_imported(refused, at):
    run, found = refused
    line, modules = found[at]
    assert REFUSED[at][1] in line
    assert not _READERS & modules
    assert not run.exists()


def test_a_wrong_column_of_a_parquet_table_is_refused_by_its_schema(tmp_path, table):
    parquet = tmp_path / "table.parquet"
    pd.read_csv(table).to_parquet(parquet)
    words = ["audit", "-o", tmp_path / "run", "--predictions", parquet, "--attributes", "plase"]
    ((line, modules),) = loaded_when_refused(words)
    assert "no attribute 'plase' in the data: did you mean place?" in line
    assert not (_READERS - {"numpy", "pyarrow"}) & modules


def test_a_probe_that_is_not_there_or_not_asked_for_is_refused_as_early(tmp_path):
    asked = (
        (["--features", "."], "--features needs --probe"),
        (["--features", ".", "--probe", "gone"], "no probe at gone"),
        (["--predictions", "table.csv", "--probe", "probe"], "--probe goes with --features"),
    )
    found = loaded_when_refused(*(["audit", "-o", tmp_path / "run", *words] for words, _ in asked))
    for (line, modules), (_, said) in zip(found, asked, strict=True):
        assert said in line
        assert not _READERS & modules


def test_what_analyses_import_is_what_every_audit_needs():
    code = """
import importlib, pkgutil, sys
import affect_workbench.analyses as analyses
for module in pkgutil.walk_packages(analyses.__path__, analyses.__name__ + "."):
    importlib.import_module(module.name)
print(*sys.modules)
"""
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert "affect_workbench.analyses.audit.run" in loaded
    assert not {"sklearn", "statsmodels", "scipy.stats", "umap", "numba", "plotly", "torch"} & loaded


def test_a_column_of_a_joined_table_and_the_truth_may_be_asked_for(tmp_path, table):
    rows = pd.read_csv(table)
    light = tmp_path / "light.csv"
    pd.DataFrame({"image_id": rows["image_id"], "light": ["dim", "bright"] * 30}).to_csv(light, index=False)
    asked = ["--attributes", f"{light},light,tone", "--adjust-for", "label,place"]
    relative = table.parent / "." / table.name
    succeeded("audit", "--predictions", relative, "-o", tmp_path / "run", *SLIM, *asked)
    assert "no attribute 'dark'" in refusal(
        "audit", "--predictions", table, "-o", tmp_path / "o", "--attributes", f"{light},dark"
    )


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n",
        "a;b c;d\n1,5;2;3\n2,5;3;4\n",
        "\ufeffa\tb\n1\t2\n",
        "sep=|\na|b\n1|2\n",
        '"a, b", c\n1,2\n',
        ",a\n0,1\n",
        "a,b,\n1,2,\n",
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_a_header_read_alone_has_the_names_that_the_whole_file_has(tmp_path, text, suffix):
    path = tmp_path / f"t{suffix}"
    path.write_text(text, encoding="utf-8")
    assert [name for name in header_of(path) if name in read_cells(path).columns] == list(read_cells(path).columns)


def test_only_the_beginning_of_a_long_file_is_looked_at(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_bytes("größe,b\n".encode() + b"1,2\n" * 50 + b"\xff")
    assert column_names(path) is None
    monkeypatch.setattr("affect_workbench.data.storage.delimited._BEGINNING", 60)
    assert column_names(path) == ["größe", "b"]


def test_a_header_that_cannot_be_read_is_left_to_the_reader_proper(tmp_path):
    for name, content in (("empty.csv", b""), ("zip.parquet", b"PK"), ("bytes.csv", b"\xff\xfe\x00")):
        path = tmp_path / name
        path.write_bytes(content)
        assert column_names(path) is None
    parquet = tmp_path / "t.parquet"
    pd.DataFrame({" a ": [1], "b": ["x"]}, index=["r"]).to_parquet(parquet)
    assert sorted(column_names(parquet) or ()) == sorted(columns_of(parquet).rows)
