"""The README: its Python runs as it stands there, its commands exist, and its tree is the tree."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from affect_workbench.workbench.__main__ import COMMANDS
from affect_workbench.workbench.interface.options import add_arguments

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def readme() -> str:
    path = ROOT / "README.md"
    assert path.is_file(), "README.md is missing"
    return path.read_text(encoding="utf-8")


def blocks(readme: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", readme, flags=re.DOTALL | re.MULTILINE)


def commands(readme: str) -> list[str]:
    """Every line of an unnamed block that calls the command."""
    lines = [line for block in blocks(readme, "") for line in block.splitlines()]
    return [line.partition("  #")[0].strip() for line in lines if line.startswith("workbench ")]


def test_the_ten_lines_of_python_run_in_an_empty_folder(readme, tmp_path, monkeypatch, capsys):
    (code,) = blocks(readme, "python")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr().out
    assert re.match(r"\d+ of [\d,]+ \(slice, emotion\) pairs are skewed; ", printed)
    assert "verdict" in printed
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert printed.splitlines()[0] in page


def test_the_ten_lines_are_about_ten_lines(readme):
    (code,) = blocks(readme, "python")
    assert sum(1 for line in code.splitlines() if line and not line.startswith(("import ", "from "))) <= 10


def test_every_command_line_is_understood(readme):
    lines = commands(readme)
    assert {line.split()[1] for line in lines} >= {"train", "evaluate", "audit", "report", "app"}
    for line in lines:
        name, *words = shlex.split(line)[1:]
        parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
        add_arguments(parser, COMMANDS[name])
        _, unknown = parser.parse_known_args(words)
        assert unknown == [], line


def test_the_commands_on_real_data_name_files_that_are_there(readme, shared_data):
    paths = re.findall(r"\.\./shared/data/(\S+)", "\n".join(commands(readme)))
    assert len(paths) >= 4
    assert [path for path in paths if not (shared_data / path).exists()] == []


def test_every_make_target_of_the_readme_exists(readme):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):.*##", makefile, flags=re.MULTILINE))
    named = set(re.findall(r"make ([a-z]+)", readme)) - {"sure", "it"}
    assert {"demo", "test", "app"} <= named <= targets


def test_every_module_has_its_place_in_the_tree_and_nothing_else_has(readme):
    tree = readme[readme.index("## The code") :].split("```")[1]
    named = set(re.findall(r"\b(\w+\.py)\b", tree))
    packages = (
        "data",
        "data/synthetic/scenes",
        "probes",
        "probes/encoders/builtin",
        "analyses",
        "analyses/discovery",
        "analyses/planted_skew",
        "analyses/space",
        "workbench",
        "workbench/chapters",
        "workbench/settings",
    )
    modules = {path.name for package in packages for path in (ROOT / package).glob("*.py")}
    assert modules - {"__init__.py"} - named == set()
    assert named - modules == set()


def test_its_pictures_are_there(readme):
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", readme)
    assert pictures
    assert [picture for picture in pictures if not (ROOT / picture).is_file()] == []


def test_links_to_files_of_the_project_lead_somewhere(readme):
    links = re.findall(r"(?<!!)\[.+?\]\((?!http|#)(.+?)\)", readme)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
