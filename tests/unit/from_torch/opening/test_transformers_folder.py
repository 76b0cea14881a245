"""Transformers folders: the architecture from the configuration, the weights strictly, and no code from the folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from edgeproof.converters.errors import ConversionError, InputError, SourceError, UnsafeInput
from edgeproof.converters.from_torch import load, program
from edgeproof.converters.from_torch.live import TorchSource
from edgeproof.converters.from_torch.opening.opened import Opened
from edgeproof.converters.resolve import resolve
from edgeproof.converters.source import Opening, SourceKind, Trust

pytestmark = pytest.mark.torch
SIZES: dict[str, Any] = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 37, "vocab_size": 99,
    "max_position_embeddings": 64,
}  # fmt: skip


def bert() -> Any:
    return transformers.BertModel(transformers.BertConfig(**SIZES))


def distilbert() -> Any:
    config = transformers.DistilBertConfig(vocab_size=99, dim=32, n_layers=2, n_heads=2, hidden_dim=37, num_labels=3)
    return transformers.DistilBertForSequenceClassification(config)


def vit() -> Any:
    return transformers.ViTForImageClassification(transformers.ViTConfig(image_size=32, patch_size=8, **SIZES))


def gpt2() -> Any:
    config = transformers.GPT2Config(
        vocab_size=99, n_positions=64, n_embd=32, n_layer=2, n_head=2, bos_token_id=1, eos_token_id=2
    )
    return transformers.GPT2LMHeadModel(config)


def t5() -> Any:
    config = transformers.T5Config(
        vocab_size=99, d_model=32, d_kv=16, d_ff=37, num_layers=2, num_heads=2, decoder_start_token_id=0
    )
    return transformers.T5ForConditionalGeneration(config)


def resnet() -> Any:
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], num_labels=3)
    return transformers.ResNetForImageClassification(config)


def opened(folder: Path, *inputs: str, trust: tuple[Trust, ...] = ()) -> Opened:
    return load.load(resolve(str(folder), inputs=inputs, opening=Opening(trust=trust)))


def reconfigure(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bert().save_pretrained(tmp_path / "encoder")
    return tmp_path / "encoder"


@pytest.mark.parametrize(
    ("build", "inputs", "output"),
    [
        (bert, ["input_ids", "attention_mask"], "last_hidden_state"),
        (distilbert, ["input_ids", "attention_mask"], "logits"),
        (vit, ["pixel_values"], "logits"),
        (gpt2, ["input_ids", "attention_mask"], "logits"),
        (t5, ["input_ids", "attention_mask", "decoder_input_ids"], "logits"),
    ],
)
def test_a_saved_model_comes_back_with_its_inputs_and_outputs_by_name(
    tmp_path: Path, build: Callable[[], Any], inputs: list[str], output: str
):
    model = build().eval()
    model.save_pretrained(tmp_path / "saved")
    source = resolve(str(tmp_path / "saved"))
    assert source.kind is SourceKind.TRANSFORMERS
    program._loaded.cache_clear()
    live = TorchSource(*program.flat_source(source))
    assert sorted(live.examples) == sorted(inputs)
    got = live.run(live.examples)
    with torch.no_grad():
        wanted = model(**{name: torch.from_numpy(array) for name, array in live.examples.items()})
    assert output in got
    assert not any(name.startswith("past_key_values") for name in got)
    assert torch.allclose(torch.from_numpy(got[output]), wanted[output], atol=1e-5)


def test_what_it_returns_exports(tmp_path: Path):
    gpt2().save_pretrained(tmp_path / "saved")
    program._loaded.cache_clear()
    flat, tensors = program.flat_source(resolve(str(tmp_path / "saved")))
    torch.export.export(flat, tensors, strict=False)


def test_sharded_weights_are_one_model(tmp_path: Path):
    model = bert()
    model.save_pretrained(tmp_path / "shards", max_shard_size="30KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    got = opened(tmp_path / "shards").module.state_dict()
    assert all(torch.equal(got[key], value) for key, value in model.state_dict().items())


def test_pickled_weights_are_read_inertly(folder: Path):
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    got = opened(folder).module.state_dict()
    assert all(torch.equal(got[key], value) for key, value in weights.items())
    names = sorted(weights)
    (folder / "pytorch_model.bin").unlink()
    index: dict[str, str] = {}
    for number, part in enumerate((names[:9], names[9:])):
        file = f"pytorch_model-{number}.bin"
        torch.save({name: weights[name] for name in part}, folder / file)
        index.update(dict.fromkeys(part, file))
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": index}))
    assert opened(folder).module.state_dict().keys() == got.keys()


def test_pickled_weights_that_hold_more_are_refused(folder: Path):
    (folder / "model.safetensors").unlink()
    torch.save({"w": torch.ones(1), "more": SourceError}, folder / "pytorch_model.bin")
    with pytest.raises(SourceError, match="no plain state_dict"):
        opened(folder)


def test_a_folder_named_model_takes_the_name_of_the_one_around_it(folder: Path):
    other = folder.rename(folder.with_name("model"))
    assert resolve(str(other)).name == folder.parent.name


def test_a_configuration_that_tells_no_size_asks_for_the_input(tmp_path: Path):
    resnet().save_pretrained(tmp_path / "saved")
    with pytest.raises(InputError, match="pixel_values") as caught:
        opened(tmp_path / "saved")
    assert "--input" in caught.value.fix
    assert opened(tmp_path / "saved", "pixel_values:float32[1,3,32,32]").examples is None
    (tmp_path / "saved" / "preprocessor_config.json").write_text('{"crop_size": {"height": 40, "width": 48}}')
    assert opened(tmp_path / "saved").examples["pixel_values"].shape == (1, 3, 40, 48)


def test_half_precision_weights_are_widened_and_told(folder: Path):
    weights = folder / "model.safetensors"
    save_file({key: value.half() for key, value in load_file(weights).items()}, weights, metadata={"format": "pt"})
    found = opened(folder)
    assert any("float16" in note for note in found.notes)
    assert {value.dtype for value in found.module.parameters()} == {torch.float32}


def test_weights_that_do_not_fit_are_counted_and_named(folder: Path):
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    tensors["stranger"] = tensors.pop("pooler.dense.bias")
    tensors["pooler.dense.weight"] = tensors["pooler.dense.weight"][:5].clone()
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(SourceError, match=r"1 missing \(pooler.dense.bias\).*1 unexpected \(stranger\).*1 mis-shaped"):
        opened(folder)


def test_buffers_of_older_versions_are_left_aside(folder: Path):
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    tensors["encoder.layer.0.attention.self.masked_bias"] = torch.zeros(1)
    save_file(tensors, weights, metadata={"format": "pt"})
    assert any("masked_bias" in note for note in opened(folder).notes)


@pytest.mark.parametrize(
    "changes",
    [
        {"auto_map": {"AutoModel": "modeling_evil.Evil"}},
        {"auto_map": {"AutoModel": "someone/elsewhere--modeling.Evil"}},
        {"text_config": {"auto_map": {"AutoConfig": "evil.Config"}}},
    ],
)
def test_code_that_the_configuration_names_is_refused(folder: Path, changes: dict[str, Any]):
    reconfigure(folder, **changes)
    with pytest.raises(UnsafeInput, match="Python code") as caught:
        opened(folder)
    assert "--trust-remote-code" in caught.value.fix


def test_a_configuration_is_not_sent_on_to_another_file(folder: Path):
    (folder / "config.9.0.0.json").write_text(json.dumps({"model_type": "gpt2"}))
    (folder / "config.4.0.0.json").write_text(json.dumps({"model_type": "gpt2"}))
    reconfigure(folder, configuration_files=["config.4.0.0.json", "config.9.0.0.json"])
    assert type(opened(folder).module).__name__ == "BertModel"


@pytest.mark.parametrize("key", ["_attn_implementation", "attn_implementation", "_attn_implementation_internal"])
def test_kernels_from_elsewhere_are_refused_whatever_is_trusted(folder: Path, key: str):
    reconfigure(folder, **{key: "kernels-community/flash-attn"})
    with pytest.raises(UnsafeInput, match="compiled code"):
        opened(folder, trust=(Trust.REMOTE_CODE,))


def test_python_beside_the_weights_is_refused_and_runs_only_when_trusted(folder: Path, tmp_path: Path):
    fired = tmp_path / "fired"
    code = (
        "from pathlib import Path\nfrom transformers import BertConfig, BertModel\n"
        f"Path({str(fired)!r}).touch()\n"
        "class Own(BertModel):\n    config_class = BertConfig\n"
    )
    (folder / "modeling_own.py").write_text(code)
    with pytest.raises(UnsafeInput, match=r"modeling_own\.py"):
        opened(folder)
    reconfigure(folder, auto_map={"AutoModel": "modeling_own.Own"}, architectures=["Own"])
    with pytest.raises(UnsafeInput, match="auto_map"):
        opened(folder)
    assert not fired.exists()
    assert type(opened(folder, trust=(Trust.REMOTE_CODE,)).module).__name__ == "Own"
    assert fired.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architectures": ["Tokenizer"]}, "Tokenizer"),
        ({"architectures": ["__import__('os')"]}, "architecture"),
        ({"architectures": ["pipeline"]}, "pipeline"),
        ({"model_type": "never-heard-of"}, "never-heard-of"),
        ({"hidden_act": "nonsense"}, "cannot be built"),
        ({"num_hidden_layers": 1 << 31}, "asks for 2,147,483,648 parts"),
    ],
)
def test_what_transformers_does_not_have_is_said(folder: Path, changes: dict[str, Any], words: str):
    reconfigure(folder, **changes)
    with pytest.raises(SourceError, match=words) as caught:
        opened(folder)
    assert caught.value.fix


def test_quantised_weights_are_refused(folder: Path):
    reconfigure(folder, quantization_config={"quant_method": "bitsandbytes"})
    with pytest.raises(ConversionError, match="quantised"):
        opened(folder)


@pytest.mark.parametrize("text", ["", "[1, 2]", "{", '{"a": ' * 5000])
def test_a_damaged_configuration_is_one_error(folder: Path, text: str):
    (folder / "config.json").write_text(text)
    with pytest.raises(SourceError) as caught:
        opened(folder)
    assert caught.value.fix


def test_a_folder_without_weights_says_which_it_looked_for(folder: Path):
    (folder / "model.safetensors").unlink()
    with pytest.raises(SourceError, match=r"model\.safetensors"):
        opened(folder)
