"""Opens a Transformers folder: the architecture from config.json, the weights strictly, nothing from elsewhere."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import dynamic_module_utils

from ...errors import EdgeproofError, SourceError
from ...source import Source, Trust
from .matching import first_line, listed
from .opened import Opened
from .transformers_inputs import ConfiguredInputs
from .transformers_vetting import CONFIG, vetted_config
from .transformers_weights import read_folder

# Buffers that older versions stored and that the models compute by themselves now.
_COMPUTED = (".position_ids", ".inv_freq", ".masked_bias", ".attn.bias", ".attention.bias")

# What changes how a model is loaded, beside what it is.
_SETS_MORE = frozenset(
    {"auto_map", "configuration_files", "fusion_config", "distributed_config", "transformers_weights"}
)


def open_folder(source: Source) -> Opened:
    """The model with its weights; SourceError, UnsafeInput or ConversionError if there is none to be had."""
    folder = Path(source.path or "")
    trust = source.opening.trust
    written = vetted_config(folder, trust)
    weights, file = read_folder(folder)
    config = _configuration(folder, written, trust)
    kind = _class_of(folder, written, config, trust)
    model, notes = _filled(kind, config, weights, file)
    examples = None if source.inputs else ConfiguredInputs(model, folder).draw()
    return Opened(module=model.eval(), examples=examples, notes=(*notes, *_stored_types(weights)))


def _configuration(folder: Path, written: dict[str, Any], trust: tuple[Trust, ...]) -> Any:
    try:
        if Trust.REMOTE_CODE in trust:
            # Its copies of the folder's code go to the worker's scratch, not to the user's cache.
            setattr(dynamic_module_utils, "HF_MODULES_CACHE", tempfile.mkdtemp(prefix="remote-code-"))  # noqa: B010
            config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=True)
        else:
            # Not from_pretrained(): config.json may send it on to another file, which nobody has vetted.
            kept = {key: value for key, value in written.items() if key not in _SETS_MORE}
            config = transformers.CONFIG_MAPPING[written["model_type"]].from_dict(kept)
    except Exception as error:
        raise SourceError(
            f"transformers {transformers.__version__} does not take {folder.name}/{CONFIG} (model_type "
            f"{written.get('model_type')!r}): {first_line(error)}",
            fix="install the version of transformers that wrote it, or give the architecture: --model file.py:function",
        ) from error
    for part in (config, *(getattr(config, name, None) for name in getattr(config, "sub_configs", {}))):
        if part is not None:
            part.use_cache = False  # a cache of keys and values is no tensor that a format could return
            part.return_dict = True
    return config


def _class_of(folder: Path, written: dict[str, Any], config: Any, trust: tuple[Trust, ...]) -> type[Any]:
    """The class that `architectures` names, else the one AutoModel has for the configuration."""
    names = written.get("architectures") or []
    name = names[0] if isinstance(names, list) and names else None
    auto_map = written.get("auto_map")
    if Trust.REMOTE_CODE in trust and isinstance(auto_map, dict):
        places = [place for place in auto_map.values() if isinstance(place, str)]
        place = next((text for text in places if text.rpartition(".")[2] == name), auto_map.get("AutoModel"))
        if isinstance(place, str):
            return _remote_class(folder, place)
    found: Any = getattr(transformers, name, None) if isinstance(name, str) and name.isidentifier() else None
    if isinstance(found, type) and issubclass(found, transformers.PreTrainedModel):
        return found
    if name is not None:
        raise SourceError(
            f"{folder.name}/{CONFIG} names the architecture {name!r}, which transformers {transformers.__version__} "
            "does not have",
            fix="install the version of transformers that wrote it, or give the architecture: --model file.py:function",
        )
    try:
        mapped: Any = transformers.MODEL_MAPPING[type(config)]
        return mapped[0] if isinstance(mapped, tuple) else mapped
    except KeyError as error:
        raise SourceError(
            f"{folder.name}/{CONFIG} has no `architectures`, and AutoModel has none for {type(config).__name__}",
            fix=f'write "architectures": ["NameOfTheClass"] into {CONFIG}',
        ) from error


def _remote_class(folder: Path, place: str) -> type[Any]:
    try:
        return dynamic_module_utils.get_class_from_dynamic_module(place, folder, local_files_only=True)
    except Exception as error:
        raise SourceError(
            f"the folder's own code ({place}) cannot be imported: {type(error).__name__}: {first_line(error)}",
            fix="complete the folder: it must hold every Python file that auto_map names",
        ) from error


def _filled(kind: type[Any], config: Any, weights: dict[str, torch.Tensor], file: str) -> tuple[Any, tuple[str, ...]]:
    try:
        model, found = kind.from_pretrained(
            None,
            config=config,
            state_dict=dict(weights),
            dtype=torch.float32,
            attn_implementation="eager",  # what every format can hold
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are refused below, in our words
            local_files_only=True,
        )
    except EdgeproofError:
        raise
    except Exception as error:
        raise SourceError(
            f"{kind.__name__} cannot be built from {CONFIG}: {type(error).__name__}: {first_line(error)}",
            fix="install the version of transformers that wrote it, or give the architecture: --model file.py:function",
        ) from error
    return model, _require_whole(kind.__name__, found, weights, file)


def _require_whole(name: str, found: dict[str, Any], weights: dict[str, torch.Tensor], file: str) -> tuple[str, ...]:
    unexpected = sorted(found["unexpected_keys"])
    computed = [key for key in unexpected if f".{key}".endswith(_COMPUTED)]
    misshaped = [str(item[0]) if isinstance(item, (tuple, list)) else str(item) for item in found["mismatched_keys"]]
    findings = [
        listed("missing", sorted(found["missing_keys"])),
        listed("unexpected", [key for key in unexpected if key not in computed]),
        listed("mis-shaped", sorted(misshaped)),
        *(str(message) for message in found.get("error_msgs", [])),
    ]
    if any(findings):
        raise SourceError(
            f"{file} does not fit {name} ({len(weights)} tensors): " + "; ".join(text for text in findings if text),
            fix=f"correct `architectures` in {CONFIG}: the class must be the one that these weights were saved from",
        )
    return (f"left aside: {listed('buffers', computed)}, which the model computes",) if computed else ()


def _stored_types(weights: dict[str, torch.Tensor]) -> tuple[str, ...]:
    others = sorted({str(value.dtype)[6:] for value in weights.values() if value.is_floating_point()} - {"float32"})
    return (f"the weights are stored as {', '.join(others)}; the model computes in float32",) if others else ()
