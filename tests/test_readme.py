"""README and docs: the Python runs as it stands there, commands and files exist, numbers are those of the docs."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest

from affect_workbench.workbench.__main__ import COMMANDS, with_command
from affect_workbench.workbench.interface.options import add_arguments

ROOT = Path(__file__).resolve().parents[1]
MOST_WORDS = 1_200
Texts = Mapping[Path, str]


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def texts() -> Texts:
    """Every page that a reader may open."""
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return {path: path.read_text(encoding="utf-8") for path in sorted(paths)}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


def commands(texts: Texts) -> list[str]:
    """Every line of an unnamed block that calls the command."""
    lines = [line for text in texts.values() for block in blocks(text, "") for line in block.splitlines()]
    return [line.partition("  #")[0].strip() for line in lines if line.startswith("workbench ")]


def test_the_readme_is_read_in_five_minutes(readme):
    assert sum(1 for word in readme.split() if re.search(r"\w", word)) <= MOST_WORDS


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


def test_every_command_line_is_understood(texts):
    lines = commands(texts)
    assert {with_command(line.split()[1:])[0] for line in lines} >= COMMANDS.keys() - {"demo"}
    for line in lines:
        name, *words = with_command(shlex.split(line)[1:])
        parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
        add_arguments(parser, COMMANDS[name])
        _, unknown = parser.parse_known_args(words)
        assert unknown == [], line


def test_the_readme_has_a_line_for_every_command(readme):
    table = readme[readme.index("## Commands") :].split("\n\n")[1]
    assert {name for row in table.splitlines()[2:] for name in re.findall(r"`([\w -]+)`", row.split("|")[1])} == set(
        COMMANDS
    )


def test_the_commands_on_real_data_name_files_that_are_there(texts, shared_data):
    paths = re.findall(r"\.\./shared/data/(\S+)", "\n".join(commands(texts)))
    assert len(paths) >= 4
    assert [path for path in paths if not (shared_data / path).exists()] == []


def test_every_make_target_that_is_named_exists(texts):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):.*##", makefile, flags=re.MULTILINE))
    named = {name for text in texts.values() for name in re.findall(r"`make ([a-z]+)`|^make ([a-z]+)", text, re.MULTILINE)}
    assert {"demo", "test", "app", "bench", "check"} <= {name for pair in named for name in pair if name} <= targets


def test_pages_open_with_what_they_answer(texts):
    guides = [path for path in texts if path.parent == ROOT / "docs"]
    headings = {path.name: texts[path].splitlines()[0] for path in guides}
    assert len(headings) >= 10
    assert {name: line for name, line in headings.items() if not line.startswith("# ")} == {}


def test_every_page_is_reached_from_the_readme(texts):
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += [target for target in linked(path, texts[path]) if target.suffix == ".md"]
    assert [str(path.relative_to(ROOT)) for path in texts if path not in reached] == []


def linked(path: Path, text: str) -> list[Path]:
    """Files of the project that a page links to or shows."""
    links = re.findall(r"\]\((?!http|#|mailto)([^)#\s]+)(?:#[\w-]+)?\)", text)
    return [(path.parent / link).resolve() for link in links]


def test_links_to_files_of_the_project_lead_somewhere(texts):
    lost = [(path.name, str(target)) for path, text in texts.items() for target in linked(path, text) if not target.exists()]
    assert lost == []


def test_links_to_headings_lead_somewhere(texts):
    for path, text in texts.items():
        for link, anchor in re.findall(r"\]\((?!http)([^)#\s]*)#([\w-]+)\)", text):
            target = (path.parent / link).resolve() if link else path
            headings = re.findall(r"^#+ (.+)$", texts[target], flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}, anchor


def test_files_that_the_pages_name_are_there(texts):
    """Between backticks, with a folder of the project in front; the changelog may speak of what was."""
    tops = "|".join(("data", "probes", "analyses", "workbench", "tests", "bench", "src", "docs"))
    lost = [
        (path.name, name)
        for path, text in texts.items()
        if path.name != "CHANGELOG.md"
        for name in re.findall(rf"`((?:{tops})/[\w./-]+)`", text)
        if not (ROOT / name).exists()
    ]
    assert lost == []


def test_the_benchmark_in_the_readme_is_the_full_run(readme, texts):
    full = texts[ROOT / "docs" / "planted-skew.md"]
    rows = {cells[0]: cells for cells in map(cells_of, full.splitlines()) if len(cells) == 7}
    shown = readme[readme.index("## Can its own tests be believed?") :].split("\n\n")[2]
    for name, *figures, best in map(cells_of, shown.splitlines()[2:]):
        assert [*figures, best] == [*rows[name][1:4], rows[name][5]], name


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
