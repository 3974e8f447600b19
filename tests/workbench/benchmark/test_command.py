"""Does `workbench bench --quick` hold its bars on any seed, go on after a kill, and fail where a bar is missed?"""

from __future__ import annotations

import json
import secrets

import pytest

from affect_workbench.workbench.__main__ import main


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """A whole quick run: (folder, exit code)."""
    out = tmp_path_factory.mktemp("bench") / "run"
    seed = secrets.randbelow(2**31)
    return out, seed, main(["bench", "--quick", "--seed", str(seed), "-o", str(out)])


def rows(out):
    return json.loads((out / "bench.json").read_text())["rows"]


def test_a_quick_run_holds_its_bars(quick):
    out, seed, code = quick
    failed = [(row["name"], row["measured"], row["judged"]) for row in rows(out) if row["verdict"] == "fail"]
    assert code == 0, f"seed {seed}: {failed}"
    kinds = {row["kind"] for row in rows(out)}
    assert kinds == {"gate", "scenario", "peer", "list"}
    names = [row["name"] for row in rows(out)]
    assert len(set(names)) == len(names)
    for tool in ("DivExplorer", "SliceLine", "Fairlearn"):
        assert any(name.startswith(tool) for name in names), f"{tool} is neither measured nor named as absent"
    assert "| null: any of 1,872 pairs flagged |" in (out / "bench.md").read_text()


def test_it_goes_on_where_it_was_killed_and_gives_the_same_again(quick, capsys):
    out, seed, _ = quick
    before = (out / "bench.json").read_text()
    block = out / "blocks" / "power-003.json"
    kept = block.read_text()
    block.unlink()
    started = (out / "blocks" / "null-000.json").stat().st_mtime_ns
    assert main(["bench", "--quick", "--seed", str(seed), "-o", str(out)]) == 0
    assert block.read_text() == kept
    assert (out / "blocks" / "null-000.json").stat().st_mtime_ns == started  # not computed again
    assert json.loads((out / "bench.json").read_text())["rows"] == json.loads(before)["rows"]
    assert "criteria are met" in capsys.readouterr().out


def test_blocks_of_another_seed_are_not_mixed_in(quick, capsys):
    out, seed, _ = quick
    assert main(["bench", "--quick", "--seed", str(seed + 1), "-o", str(out)]) == 2
    assert "holds blocks of other settings or of another version" in capsys.readouterr().err
    assert main(["bench", "--quick", "--only", "nothing", "--seed", str(seed), "-o", str(out)]) == 2
    assert "no experiment 'nothing'" in capsys.readouterr().err
    (out.parent / "mine").mkdir()
    (out.parent / "mine" / "file").write_text("x")
    assert main(["bench", "--quick", "-o", str(out.parent / "mine")]) == 2
    assert "exists and holds no benchmark" in capsys.readouterr().err
    assert main(["bench", "--quick", "--workers", "0", "-o", str(out)]) == 2


def test_a_missed_bar_is_exit_code_1(quick, capsys):
    out, seed, _ = quick
    for path in sorted((out / "blocks").glob("null-0*.json")):
        record = json.loads(path.read_text())
        path.write_text(json.dumps(record | {"picked": [1] * len(record["picked"])}))
    assert main(["bench", "--quick", "--seed", str(seed), "-o", str(out)]) == 1
    assert "1 is missed" in capsys.readouterr().out
    page = (out / "bench.html").read_text()
    assert '<td class="fail">fail</td>' in page
    assert "<script" not in page
