"""Everything that makes a training impossible is one line on the command line, and that line says what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from affect_workbench.data.features import FeatureSet, FeatureSpec
from workbench_runs import refusal


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    rows = pd.DataFrame({"image_id": [f"p{n}" for n in range(24)], "label": ["joy", "fear", "anger"] * 8})
    folder = tmp_path_factory.mktemp("tiny") / "features"
    values = np.random.default_rng(0).normal(size=(24, 6)).astype(np.float32)
    FeatureSet(FeatureSpec(6, "made up"), values, rows).save(folder)
    return folder


def bert(folder: Path, *, tokenizer: bool) -> Path:
    """A text model of random weights; its vocabulary holds no word, so that all labels are unknown to it."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    BertModel(BertConfig(vocab_size=5, **shape)).save_pretrained(folder)
    if tokenizer:
        (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", encoding="utf-8")
        BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("words", "problem", "remedy"),
    [
        (["--loss", "infonce"], "unknown loss 'infonce'", "expected one of info_nce"),
        (["--optimiser", "lion"], "unknown optimiser 'lion'", "expected one of adamw, adam, sgd"),
        (["--schedule", "step"], "unknown schedule 'step'", "expected one of onecycle, cosine"),
        (["--template", "an emotion"], "template 'an emotion' has no {}", "write e.g. 'a {} scene'"),
        (["--anchors", "tokens:x"], "anchors 'tokens:x' are not understood", "expected sentence:MODEL"),
        (["--anchors", "token:phi-2"], "no text model at 'phi-2'", "give a folder that holds one"),
        (["--equivalent-labels", "-1"], "equivalent_labels is -1.0", "expected between 0 and"),
        (["--validation-share", "0"], "no picture is left to choose the epoch by (validation_share)", "between 0 and 1"),
        (["--holdout", "1"], "no picture is left to measure accuracy on (--holdout)", "between 0 and 1"),
        (["--val-split", "dev"], "no split, so there is no split 'dev'", "leave that out"),
        (["--taxonomy", "ekman"], "unknown taxonomy 'ekman'", "did you mean ekman6?"),
        (["--taxonomy", "own.toml"], "no taxonomy at own.toml", "does not exist"),
    ],
)
def test_a_setting_that_makes_no_sense(words, problem, remedy, tiny, tmp_path) -> None:
    line = refusal("train", "--features", tiny, *words, "-o", tmp_path / "none")
    assert problem in line
    assert remedy in line
    assert not (tmp_path / "none").exists()


def test_a_text_model_without_a_tokenizer_or_whose_words_share_all_tokens(tiny, tmp_path) -> None:
    words = ("train", "--features", tiny, "-o", tmp_path / "none", "--anchors")
    line = refusal(*words, f"token:{bert(tmp_path / 'mute', tokenizer=False)}")
    assert "has no tokenizer" in line
    assert "name another with MODEL@TOKENIZER" in line
    line = refusal(*words, f"token:{bert(tmp_path / 'deaf', tokenizer=True)}")
    assert "the same vector, so they cannot be distinguished" in line
    assert "use another template or another model" in line


def test_an_unknown_key_of_a_config(tiny, tmp_path) -> None:
    (tmp_path / "train.toml").write_text("learning_rte = 0.1\n", encoding="utf-8")
    line = refusal("train", "--features", tiny, "--config", tmp_path / "train.toml", "-o", tmp_path / "none")
    assert "unknown key 'learning_rte': did you mean learning_rate?" in line


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_said_before_anything_is_read(tmp_path) -> None:
    line = refusal("train", "--features", tmp_path / "gone", "--device", "cuda", "-o", tmp_path / "none")
    assert "device 'cuda' is not available here" in line
    assert "use auto or cpu" in line
