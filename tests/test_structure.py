"""Is the house in order: few entries a folder, no cycles, layers that name packages, one import name, the field's words?

`python tests/test_structure.py` drops from `tests/names-to-replace.txt` whatever stands there and is gone from the code;
`--anew` writes the list from the code as it is (after a merge that renamed on both sides).
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]
NAME = "affect_workbench"
PACKAGES = ("data", "probes", "analyses", "workbench")
MOST_ENTRIES = 12
MOST_STEPS = 15
MOST_PARAMETERS = 7

MIRROR_EXCEPTIONS = {"tests/workbench/app": ("workbench/app.py", "workbench/views")}
"""Folders of tests that are about something else than the folder of the same name -> what they are about."""

TYPES_ONLY = {(f"{NAME}.analyses.slices.attribute_kinds", f"{NAME}.analyses.slices.coding")}
"""Imports that would close a cycle and are for type checking alone: (importing, imported), each at most until it is cut."""

WORDS = {
    "said": "predicted, y_pred",
    "reading": "prediction; accuracy",
    "readings": "predictions",
    "deal": "permute",
    "deals": "permutations",
    "dealt": "permuted",
    "anew": "resample",
    "selftest": "permutation check",
    "further": "additional, questions",
    "besides": "audit context",
    "chapter": "section",
    "chapters": "sections",
    "others": "complement",
    "held": "adjusted for, stratified by",
    "worth": "design effect",
    "design_effect": "design effect",
    "pooled_rate": "partially pooled",
    "label_gap": "label gap",
    "attribution": "attribution",
    "surely": "lower bound of the absolute effect",
    "explained_by": "explained by parent slice",
    "label_tree_level": "label-tree level",
    "missed": "error rates, false negatives",
    "mistaken": "error rates, confusions",
    "entangled": "correlated with a label direction",
    "leans": "correlated with a label direction",
    "alike": "near-duplicates",
    "learnt": "training set, provenance",
    "sides": "splits",
    "behind": "gallery",
    "intake": "context, inputs",
    "opened": "state",
    "team": "distributed",
    "crew": "distributed",
    "several": "distributed context",
    "ground": "cross-validation setup",
    "tried": "trial",
    "swept": "sweep result",
    "also": "extra sets",
    "told": "sentence",
    "promised": "coverage record",
    "standing": "calibration status",
    "probed": "predict with probe",
    "tabled": "load predictions",
    "judged": "test cells, classify changes, match reviews",
    "wording": "prompt variant",
    "wordings": "prompt variants",
    "twins": "equivalent labels",
    "gathered": "a verb of the field",
}
"""A word that explains nothing to a stranger -> the field's."""
NAMES = {"model_gap_low", "model_gap_high", "model_gap_p", "model_gap_q", "truth_gaps", "answer_at", "Answers"}
"""Whole names to replace, of which the words alone are good ones (people answer; a shift is one of the space)."""
GOOD = ("design_effect", "held_out")
"""Parts of names in which such a word is the field's own."""
LIST = ROOT / "tests" / "names-to-replace.txt"


def package_folders(top: str) -> Iterator[Path]:
    """The folder and all below it that hold code."""
    skipped = {"templates", ".streamlit", "assets", "__pycache__"}
    for folder, below, _ in os.walk(ROOT / top):
        below[:] = sorted(name for name in below if name not in skipped and not Path(folder, name).is_symlink())
        yield Path(folder)


def sources(*tops: str) -> list[Path]:
    return [path for top in tops for folder in package_folders(top) for path in sorted(folder.glob("*.py"))]


def module_name(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    parts = parts[1:] if parts[0] == "src" else [NAME, *parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(module, name in it, or nothing) for every import, whether at the top, for types only or inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (("." * node.level + (node.module or ""), alias.name) for alias in node.names)


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    """Module -> modules of the project that it imports, in whichever way."""
    paths = {module_name(path): path for path in sources(*PACKAGES, f"src/{NAME}")}
    found = {}
    for name, path in paths.items():
        pairs = imported(tree_of(path))
        targets = {f"{module}.{what}" if f"{module}.{what}" in paths else module for module, what in pairs}
        found[name] = {target for target in targets & paths.keys() if target != name}
    return found


def cycles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Strongly connected components of more than one node (Tarjan 1972, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []
    for root in graph:
        if root in index:
            continue
        work = [(root, iter(sorted(graph[root])))]
        index[root] = low[root] = len(index)
        stack.append(root)
        while work:
            node, following = work[-1]
            for target in following:
                if target not in index:
                    index[target] = low[target] = len(index)
                    stack.append(target)
                    work.append((target, iter(sorted(graph[target]))))
                    break
                if target in stack:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    component = stack[stack.index(node) :]
                    del stack[stack.index(node) :]
                    if len(component) > 1:
                        found.append(sorted(component))
    return found


def test_cycles_are_found_where_there_are_some():
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]
    assert cycles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize("top", [*PACKAGES, f"src/{NAME}", "tests"])
def test_no_folder_has_more_entries_than_one_can_take_in(top):
    crowded = {}
    for folder in package_folders(top):
        entries = {path.name for path in folder.iterdir()} - {"__init__.py", "__pycache__", ".streamlit"}
        if len(entries) > MOST_ENTRIES:
            crowded[str(folder.relative_to(ROOT))] = sorted(entries)
    assert crowded == {}


def test_every_package_opens_with_the_question_it_answers():
    silent = []
    for folder in (folder for top in PACKAGES for folder in package_folders(top)):
        opening = folder / "__init__.py"
        assert opening.is_file(), f"{folder} is no package"
        if "?" not in (ast.get_docstring(tree_of(opening)) or "").split("\n\n")[0]:
            silent.append(str(opening.relative_to(ROOT)))
    assert silent == []
    assert ast.get_docstring(tree_of(ROOT / "src" / NAME / "__init__.py"))


def test_no_module_reaches_itself_through_its_imports(graph):
    for importing, target in TYPES_ONLY:
        assert target in graph[importing], f"{importing} no longer imports {target}: take it off TYPES_ONLY"
        assert types_only(importing, target), f"{importing} imports {target} for more than types"
    acyclic = {name: {target for target in targets if (name, target) not in TYPES_ONLY} for name, targets in graph.items()}
    assert cycles(acyclic) == []


def types_only(importing: str, target: str) -> bool:
    """Whether every import of the target stands under `if TYPE_CHECKING:`."""
    tree = tree_of(ROOT / Path(*importing.split(".")[1:]).with_suffix(".py"))
    guarded = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    inside = sum(module == target for node in guarded for module, _ in imported(ast.Module(node.body, [])))
    return inside == sum(module == target for module, _ in imported(tree))


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_reaches_itself_through_another(graph, package):
    between: dict[str, set[str]] = {}
    for name, targets in graph.items():
        if name.startswith(f"{NAME}.{package}."):
            own = name.split(".")[2]
            inside = {target.split(".")[2] for target in targets if target.startswith(f"{NAME}.{package}.")}
            between.setdefault(own, set()).update(inside - {own})
    assert cycles({name: targets & between.keys() for name, targets in between.items()}) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_the_layers_of_each_package_are_a_contract_over_all_of_its_parts(package):
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    (contract,) = [one for one in contracts if one.get("containers") == [f"{NAME}.{package}"]]
    assert contract["type"] == "layers"
    assert contract["exhaustive"] is True
    named = [part.strip() for layer in contract["layers"] for part in layer.split("|")]
    assert [part for part in named if "." in part] == []
    parts = {path.stem for path in (ROOT / package).iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert set(named) == parts - {"__init__"}
    assert "ignore_imports" not in contract


def test_everything_imports_by_the_one_name():
    bare = {*PACKAGES, "tests", "bench"}
    found = [
        f"{path.relative_to(ROOT)}: {module}"
        for path in sources(*PACKAGES, f"src/{NAME}", "tests", "bench")
        for module, _ in imported(tree_of(path))
        if module.split(".")[0] in bare or module.startswith(".")
    ]
    assert found == []


def test_no_line_is_kept_from_the_formatter():
    marks = re.compile(r"#\s*(fmt:\s*(skip|off)|yapf:\s*disable)")
    paths = [path for path in sources(*PACKAGES, f"src/{NAME}", "tests", "bench") if path != Path(__file__)]
    assert [str(path.relative_to(ROOT)) for path in paths if marks.search(path.read_text(encoding="utf-8"))] == []


def parameters_of(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """(function, number of its parameters), methods and functions in functions too; `self` and `cls` are not counted."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            rest = [one for one in (node.args.vararg, node.args.kwarg) if one is not None]
            names = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, *rest)]
            own = names[:1] in (["self"], ["cls"])
            yield getattr(node, "name", "lambda"), len(names) - own


def test_every_kind_of_parameter_is_counted():
    text = "class A:\n def f(self, a, /, b, *c, d=1, **e):\n  return lambda x, y: x\nasync def g(a, self): ..."
    assert dict(parameters_of(ast.parse(text))) == {"f": 5, "lambda": 2, "g": 2}


def test_no_sentence_leaves_the_plural_to_its_reader():
    texts = [
        (path, node.value)
        for path in sources(*PACKAGES)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    texts += [(path, path.read_text(encoding="utf-8")) for path in (ROOT / "workbench").rglob("*.html")]
    assert len(texts) > 1_000
    assert {str(path.relative_to(ROOT)) for path, text in texts if re.search(r"[a-z]\((s|es)\)", text)} == set()


def test_no_function_takes_more_than_one_can_keep_in_mind():
    crowded = {
        f"{path.relative_to(ROOT)}: {name}": number
        for path in sources(*PACKAGES, f"src/{NAME}")
        for name, number in parameters_of(tree_of(path))
        if number > MOST_PARAMETERS
    }
    assert crowded == {}, "what belongs together is an object, named for what it is"


def test_no_module_is_a_drawer_for_whatever_is_left_over():
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    everything = [entry for top in (*PACKAGES, f"src/{NAME}", "tests", "bench") for entry in package_folders(top)]
    everything += sources(*PACKAGES, f"src/{NAME}", "tests", "bench")
    assert [str(entry.relative_to(ROOT)) for entry in everything if entry.stem in drawers] == []


def test_tests_lie_where_the_code_lies_that_they_are_about():
    for folder, about in MIRROR_EXCEPTIONS.items():
        assert (ROOT / folder).is_dir(), f"{folder} is gone: take it off MIRROR_EXCEPTIONS"
        assert all((ROOT / place).exists() for place in about)
    folders = [folder.relative_to(ROOT) for package in PACKAGES for folder in package_folders(f"tests/{package}")]
    homeless = [str(folder) for folder in folders if not (ROOT / folder.relative_to("tests")).is_dir()]
    assert set(homeless) <= MIRROR_EXCEPTIONS.keys()


def public_names(path: Path) -> Iterator[str]:
    """Names that others may use: modules, classes, functions, constants, members, and parameters of what is public."""
    yield path.stem
    yield from _public(tree_of(path).body, "")


def _public(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name.startswith("_") and node.name != "__init__":
                continue
            yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body, f"{prefix}{node.name}.")
            else:
                given = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
                yield from (f"{prefix}{node.name}({one.arg})" for one in given if not one.arg.startswith("_"))
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]
            yield from (prefix + name for name in names if not name.startswith("_"))


def odd_word(name: str) -> str | None:
    """The word to replace in the last part of a public name, where it is the whole of it, begins it or ends it."""
    last = re.split(r"[.(]", name.rstrip(")"))[-1]
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last).lower()
    if last in NAMES:
        return last
    if any(part in snake for part in GOOD):
        return None
    parts = snake.split("_")
    return next((word for word in (parts[0], parts[-1]) if word in WORDS), None)


def odd_names() -> set[str]:
    return {
        f"{path.relative_to(ROOT).as_posix()}: {name}"
        for path in sources(*PACKAGES, f"src/{NAME}")
        for name in public_names(path)
        if odd_word(name)
    }


def listed_names() -> set[str]:
    return set(LIST.read_text(encoding="utf-8").splitlines()) if LIST.is_file() else set()


def test_words_to_replace_are_found_at_either_end_of_a_name():
    assert odd_word("Cell.said") == odd_word("said_share") == odd_word("f(other_said)") == "said"
    assert odd_word("Learnt") == odd_word("LEARNT_FROM") == "learnt"
    assert odd_word("design_effect") is odd_word("Dataset") is odd_word("aside") is odd_word("not_said_here") is None


def test_no_public_name_uses_a_word_that_a_stranger_must_learn():
    new = {name: WORDS.get(word := odd_word(name) or "", word) for name in odd_names() - listed_names()}
    assert new == {}, "use the field's words instead"


def test_the_list_of_names_to_replace_only_shrinks():
    gone = listed_names() - odd_names()
    assert gone == set(), "replaced: run `python tests/test_structure.py`"


def named_files(text: str) -> list[str]:
    """Paths of files and folders that a text names between backticks."""
    quoted = re.findall(r"`([^`\n]+)`", text)
    paths = [name for name in quoted if re.fullmatch(r"[\w.\-/]+/|[\w.\-]+(/[\w.\-]+)*\.(py|toml|md|html|txt)", name)]
    return [path for path in paths if path not in ("__init__.py", "table.csv")]


@pytest.fixture(scope="module")
def architecture() -> str:
    return (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_every_file_that_the_architecture_names_is_there(architecture):
    named = named_files(architecture)
    assert len(named) > 40
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_architecture_has_a_line_for_every_package(architecture):
    folders = [folder for top in PACKAGES for folder in package_folders(top) if (folder / "__init__.py").is_file()]
    named = named_files(architecture)
    assert [str(folder) for folder in folders if f"{folder.relative_to(ROOT).as_posix()}/" not in named] == []


@pytest.fixture(scope="module")
def walk(architecture) -> list[str]:
    """The files of the newcomer's walk, in its order."""
    told = architecture[architecture.index("## A newcomer's walk") :]
    return re.findall(r"^\d+\. `([\w/]+\.py)`", told, flags=re.MULTILINE)


def test_the_walk_is_short_and_goes_down_only(walk, graph):
    """Each module is imported by one before it, and none, however indirectly, imports one that it was reached through."""
    assert 10 <= len(walk) <= MOST_STEPS
    names = [module_name(ROOT / path) for path in walk]
    above: dict[str, set[str]] = {names[0]: set()}
    for step, name in enumerate(names[1:], start=1):
        callers = [before for before in names[:step] if name in graph[before]]
        assert callers, f"no earlier step imports {walk[step]}"
        above[name] = {*callers, *(one for caller in callers for one in above[caller])}
        reached, waiting = set[str](), [name]
        while waiting:
            new = graph[waiting.pop()] - reached
            reached |= new
            waiting += new
        assert reached.isdisjoint(above[name]), f"{walk[step]} climbs back up"


CALLED = """
import json, sys
from affect_workbench.workbench.__main__ import main
from affect_workbench.workbench.audit import command  # so that no import is mistaken for a call
called = {}
def note(frame, event, _):
    if event == "call" and frame.f_code.co_name != "<module>":
        called.setdefault(frame.f_code.co_filename)
sys.setprofile(note)
code = main(sys.argv[2:])
sys.setprofile(None)
json.dump(list(called), open(sys.argv[1], "w"))
sys.exit(code)
"""


def test_a_row_takes_the_walk(walk, tmp_path):
    """The modules of the walk are called for the first time in its order, while a table becomes a report.

    In a process of its own, where nothing was called before.
    """
    tone = np.repeat(["dark", "light"], 60)
    table = pd.DataFrame({"image_id": range(120), "predicted": np.tile(["joy", "anger"], 60), "tone": tone})
    table.loc[table["tone"] == "dark", "predicted"] = "anger"
    table.to_csv(tmp_path / "table.csv", index=False)
    given = ["--predictions", tmp_path / "table.csv", "--no-additional-analyses", "-o", tmp_path / "run"]
    words = [sys.executable, "-c", CALLED, tmp_path / "called.json", "audit", *given]
    ended = subprocess.run(list(map(str, words)), cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    called = json.loads((tmp_path / "called.json").read_text())
    # However the package is installed, a module's file ends in its place in the tree.
    taken = [module for file in called for module in walk if file.endswith(f"/{module}")]
    assert taken == walk, called[:20]
    assert "report: " in ended.stdout


def main() -> None:
    """Drops from the list what is gone; with `--anew` writes it from the code."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--anew", action="store_true", help="list every such name that is in the code now")
    now, before = odd_names(), listed_names()
    kept = sorted(now if parser.parse_args().anew else now & before)
    LIST.write_text("".join(f"{name}\n" for name in kept), encoding="utf-8")
    print(
        f"{LIST.relative_to(ROOT)}: {len(kept)} names, {len(before)} before; {len(now) - len(kept)} in the code not listed"
    )


if __name__ == "__main__":
    main()
