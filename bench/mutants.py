"""Would a wrong sign, a wrong bound or a forgotten factor in the statistics be noticed by the tests?

Small changes to the modules that findings rest on (operators, comparisons, numbers, keywords: those of Cosmic Ray), a seeded
sample of them, and for each the tests of these modules. A mutant that no test fails on lives, and is printed with what was
changed. Changes that only touch annotations or docstrings are not drawn.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).resolve().parents[1]
MODULES = (
    "inference/intervals",
    "inference/exact",
    "inference/verdicts",
    "inference/multiplicity",
    "inference/clusters",
    "inference/paired",
    "skew/findings",
    "slices/sums",
    "slices/conditions",
    "slices/coding",
)
TESTS = (
    "analyses/skew/findings",
    "analyses/slices/conditions",
    "analyses/slices/sums",
    "analyses/inference/clusters",
    "analyses/inference/paired",
    "analyses/skew/intersections",
    "analyses/space/anchor_distances",
    "analyses/inference/spread",
    "analyses/skew/attribution",
    "analyses/inference/pairs",
    "analyses/audit/pairs",
    "analyses/audit/compare/compare",
    "analyses/disparities/numbers",
    "analyses/disparities/error_rates",
    "analyses/skew/label_tree",
    "analyses/audit/permutation_check",
    "analyses/disparities/adjusted",
    "analyses/inference/intervals",
    "analyses/inference/multiplicity",
    "analyses/inference/verdicts",
    "analyses/inference/cluster_robust",
    "analyses/disparities/calibration",
    "analyses/disparities/group_metrics",
    "analyses/audit/audit",
    "workbench/report/sentences",
)
"""Test files that are tried, in this order, where the module's own let a mutant pass."""
NEAREST = {
    "inference/verdicts": "skew/findings",
    "inference/exact": "inference/intervals",
    "slices/coding": "slices/conditions",
}
"""Whose tests a module without its own has."""
LIMIT = 300
"""Seconds after which a mutant that never ends counts as noticed."""


@dataclass(frozen=True)
class Mutant:
    """One small change: the module, the operator of Cosmic Ray, which of its places, and the source that comes of it."""

    module: str
    operator: str
    occurrence: int
    source: str

    def change(self) -> str:
        """The changed lines, as a difference."""
        before = path_of(self.module).read_text(encoding="utf-8").splitlines()
        lines = difflib.unified_diff(before, self.source.splitlines(), lineterm="", n=0)
        return "\n".join(line for line in lines if line[:3] not in ("---", "+++"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--modules", nargs="+", default=list(MODULES))
    parser.add_argument("--record", type=Path, help="JSON lines; a run that was cut goes on from there")
    given = parser.parse_args()
    everywhere = [place for module in given.modules for place in places(module)]
    drawn = drawn_from(everywhere, count=given.count, seed=given.seed)
    done = known(given.record)
    left = [mutant for mutant in drawn if key(mutant) not in done]
    of = f"{len(everywhere):,} places in {len(given.modules)} modules"
    print(f"{of}, {len(drawn)} drawn, {len(drawn) - len(left)} tried before")
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for worker in range(given.workers):
            copies.put(copied(Path(folder) / str(worker)))
        if left and (killer := killer_in(checkout := copies.get(), first=MODULES[0])):
            raise SystemExit(f"{killer} fails on what is not changed: no mutant can be told")
        if left:
            copies.put(checkout)
        with ThreadPoolExecutor(given.workers) as pool:
            for number, (mutant, killer) in enumerate(pool.map(lambda one: (one, tried(one, copies)), left)):
                done[key(mutant)] = killer
                if given.record:
                    with given.record.open("a", encoding="utf-8") as file:
                        file.write(json.dumps({"key": key(mutant), "killer": killer}) + "\n")
                print(f"{number + 1}/{len(left)} {key(mutant)}: {killer or 'LIVES'}", file=sys.stderr, flush=True)
    living = [mutant for mutant in drawn if not done[key(mutant)]]
    for mutant in living:
        print(f"\n{key(mutant)}\n{mutant.change()}")
    print(f"\n{len(living)} of {len(drawn)} mutants live")
    return int(bool(living))


def key(mutant: Mutant) -> str:
    return f"{mutant.module} {mutant.operator} {mutant.occurrence}"


def known(record: Path | None) -> dict[str, str]:
    if record is None or not record.is_file():
        return {}
    lines = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    return {line["key"]: line["killer"] for line in lines}


def path_of(module: str, root: Path = ROOT) -> Path:
    return root / "analyses" / f"{module}.py"


def places(module: str) -> list[tuple[str, str, int]]:
    """Module, operator and number of every change that can be made to it."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    nodes = list(ast_nodes(get_ast(path_of(module).read_text(encoding="utf-8"))))
    found = []
    for name in sorted(operator_names()):
        operator = get_operator(name)
        if not operator.arguments():
            count = sum(1 for node in nodes for _ in operator().mutation_positions(node))
            found += [(module, name, number) for number in range(count)]
    return found


def drawn_from(everywhere: Sequence[tuple[str, str, int]], *, count: int, seed: int) -> list[Mutant]:
    """`count` mutants that are programs, differ from the module's and from each other."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    sources = {module: path_of(module).read_text(encoding="utf-8") for module, _, _ in everywhere}
    seen = {program(source) for source in sources.values()}
    found: list[Mutant] = []
    for module, name, number in random.Random(seed).sample(everywhere, len(everywhere)):
        if len(found) == count:
            break
        changed = mutate_code(sources[module], get_operator(name)(), number)
        try:
            what = program(changed)
        except SyntaxError:
            continue
        if what not in seen:
            seen.add(what)
            found.append(Mutant(module, name, number, changed))
    return found


def program(source: str) -> str:
    """The source without docstrings and annotations, which say nothing to the interpreter."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
            for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                argument.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
    return ast.dump(tree)


def copied(folder: Path) -> Path:
    """A copy of the checkout in which one worker may change a module."""

    def ignored(inside: str, names: list[str]) -> set[str]:
        top = {"runs", "docs"} if Path(inside) == ROOT else set()
        return {name for name in names if name.startswith(".") or name == "__pycache__" or name in top}

    shutil.copytree(ROOT, folder / "checkout", symlinks=True, ignore=ignored)
    if (ROOT.parent / "shared").exists():
        (folder / "shared").symlink_to(ROOT.parent / "shared")
    return folder / "checkout"


def tried(mutant: Mutant, copies: SimpleQueue[Path]) -> str:
    """The test that fails on the mutant, or nothing."""
    checkout = copies.get()
    try:
        path = path_of(mutant.module, checkout)
        original = path.read_text(encoding="utf-8")
        path.write_text(mutant.source, encoding="utf-8")
        try:
            return killer_in(checkout, first=mutant.module)
        finally:
            path.write_text(original, encoding="utf-8")
    finally:
        copies.put(checkout)


def killer_in(checkout: Path, *, first: str) -> str:
    """The module's own tests come first, in a process of their own: most mutants need no others."""
    own = "analyses/" + NEAREST.get(first, first)
    for names in ([own], [name for name in TESTS if name != own]):
        files = [str(path.relative_to(checkout)) for path in map(partial(test_file, checkout), names) if path.is_file()]
        killer = failing(checkout, files)
        if killer:
            return killer
    return ""


def test_file(checkout: Path, name: str) -> Path:
    folder, _, module = name.rpartition("/")
    return checkout / "tests" / folder / f"test_{module}.py"


def failing(checkout: Path, files: list[str]) -> str:
    words = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", *files]
    environment = os.environ | {"PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    try:
        ended = subprocess.run(words, cwd=checkout, env=environment, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return f"no end within {LIMIT} s"
    if not ended.returncode:
        return ""
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", ended.stdout, flags=re.MULTILINE)
    return failed[1] if failed else f"pytest ended with {ended.returncode}"


if __name__ == "__main__":
    sys.exit(main())
