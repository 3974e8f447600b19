"""Do devices, seeds, foreign tensor files and a broken torchvision behave?"""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from affect_workbench.probes.runtime import device, read_vector, seed_everything

ROOT = Path(__file__).resolve().parents[2]


class Trap:
    """What an attacker's pickle looks like: it creates a file when it is opened with code execution allowed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_devices_by_name() -> None:
    assert device("cpu") == torch.device("cpu")
    assert device().type == ("cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("toaster", "no device is called 'toaster': expected auto, cpu, cuda, cuda:1 and so on, or mps"),
        ("cuda:99", "device 'cuda:99' is not available here: .*; use auto or cpu"),
    ],
)
def test_a_device_that_is_not_there_is_refused_in_a_line(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        device(name)
    assert len(str(refused.value)) < 200


def test_a_seed_sets_every_source_of_chance() -> None:
    def draws() -> list[float]:
        generator = seed_everything(5)
        return [random.random(), np.random.random(), torch.rand(1).item(), torch.rand(1, generator=generator).item()]  # noqa: NPY002

    assert draws() == draws()


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64, torch.bfloat16])
def test_a_vector_is_read_as_half_or_single_precision(tmp_path: Path, dtype: torch.dtype) -> None:
    tensor = torch.tensor([1.5, -2.25], dtype=dtype).requires_grad_()
    torch.save(tensor, tmp_path / "v.pt")
    vector = read_vector(tmp_path / "v.pt")
    assert vector.dtype == (np.float16 if dtype is torch.float16 else np.float32)
    assert vector.tolist() == [1.5, -2.25]


@pytest.mark.parametrize(
    "content", [torch.tensor([1, 2]), {"a": torch.zeros(2)}, [1.0]], ids=["integers", "dictionary", "list"]
)
def test_files_without_one_float_tensor_are_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "v.pt")
    with pytest.raises(ValueError, match=r"v\.pt holds (Tensor|dict|list): expected one floating-point tensor"):
        read_vector(tmp_path / "v.pt")


@pytest.mark.parametrize("cut", [0, 1, 100, 600])
def test_truncated_files_are_refused(tmp_path: Path, cut: int) -> None:
    torch.save(torch.zeros(8), tmp_path / "v.pt")
    (tmp_path / "v.pt").write_bytes((tmp_path / "v.pt").read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"v\.pt is not a readable tensor file \(truncated, or not saved by torch\.save\)"):
        read_vector(tmp_path / "v.pt")


def test_code_in_a_foreign_file_is_not_run(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    torch.save(Trap(sprung), tmp_path / "zip.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Trap(sprung)))
    for name in ("zip.pt", "plain.pt"):
        with pytest.raises(ValueError, match="is not a readable tensor file"):
            read_vector(tmp_path / name)
    assert not sprung.exists()


def test_a_torchvision_without_its_compiled_part_gets_its_operators_declared_once(tmp_path: Path) -> None:
    package = tmp_path / "torchvision"
    package.mkdir()
    # Like the real one, it registers a fake kernel for an operator that only its compiled part defines.
    (package / "__init__.py").write_text(
        "import torch\n\n"
        "@torch.library.register_fake('torchvision::nms')\ndef nms(dets, scores, iou_threshold):\n    return dets\n"
    )
    script = (
        "from affect_workbench.probes.runtime import declare_torchvision_operators as declare\n"
        "first = declare()\nimport torchvision\nprint(first, declare(), torchvision.nms is not None)\n"
    )
    assert run(script, tmp_path).stdout.split() == ["True", "False", "True"]
    assert "torchvision::nms does not exist" in run("import torchvision", tmp_path).stderr  # the effect existed before


def test_a_torchvision_whose_operators_are_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").touch()
    script = (
        "import torch\nfrom affect_workbench.probes.runtime import declare_torchvision_operators as declare\n"
        "library = torch.library.Library('torchvision', 'DEF')\nlibrary.define('nms(Tensor a) -> Tensor')\n"
        "print(declare())\nimport torchvision\nprint(declare())\n"
    )
    assert run(script, tmp_path).stdout.split() == ["False", "False"]


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Python run in `folder`, whose modules come before installed ones."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT / "src")])}
    return subprocess.run([sys.executable, "-c", script], env=env, cwd=folder, capture_output=True, text=True, check=False)
