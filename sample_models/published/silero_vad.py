"""Silero's voice activity detector (silero-vad 6.2.3, MIT), 16 kHz, as a PyTorch module with its state outside."""

from __future__ import annotations

import math
import warnings

import torch
from torch import Tensor, nn

from .package_files import package_file

REQUIREMENT = "silero-vad==6.2.3"
RATE = 16000
CONTEXT, CHUNK = 64, 512
BINS = 129  # of a Fourier transform over 256 samples


class SileroVad(nn.Module):
    """The probability of speech (n, 1) in chunks (n, 576) at 16 kHz, and the next state (2, n, 128).

    A chunk is the last 64 samples of the one before and 512 new ones. The package has this network in
    TorchScript and ONNX only; here its parts stand as it describes them in tinygrad_model.py.
    """

    def __init__(self) -> None:
        super().__init__()
        self.spectrum = nn.Conv1d(1, 2 * BINS, 256, stride=128, bias=False)
        self.encoder = nn.Sequential(
            nn.Conv1d(BINS, 128, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(128, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv1d(64, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv1d(64, 128, 3, padding=1),
            nn.ReLU(),
        )
        self.cell = nn.LSTMCell(128, 128)
        self.decoder = nn.Sequential(nn.ReLU(), nn.Conv1d(128, 1, 1), nn.Sigmoid())

    def forward(self, chunk: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The probability and the next state."""
        padded = nn.functional.pad(chunk.unsqueeze(1), (0, 64), mode="reflect")
        real, imaginary = self.spectrum(padded).split(BINS, dim=1)
        features = self.encoder((real**2 + imaginary**2).sqrt())
        hidden, memory = self.cell(features.squeeze(2), (state[0], state[1]))
        speech = self.decoder(hidden.unsqueeze(2)).mean(2)
        return speech, torch.stack([hidden, memory])


def build() -> tuple[SileroVad, tuple[Tensor, Tensor]]:
    """The detector with its published weights, and a chunk of a voice-like tone with a silent state.

    Raises SourceError when the package is not installed.
    """
    model = SileroVad()
    model.load_state_dict(_weights())
    return model.eval(), (_tone(), torch.zeros(2, 1, 128))


def _weights() -> dict[str, Tensor]:
    """From the TorchScript file: the package's safetensors hold older weights, which answer differently."""
    path = package_file(REQUIREMENT, "silero_vad/data/silero_vad.jit")
    with warnings.catch_warnings():
        # torch 2.13 calls TorchScript deprecated; the package has these weights in no other PyTorch form.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        published = torch.jit.load(str(path), map_location="cpu").state_dict()
    names = {"spectrum.weight": "stft.forward_basis_buffer"}
    for part in ("weight", "bias"):
        names[f"decoder.1.{part}"] = f"decoder.decoder.2.{part}"
        for layer in range(4):
            names[f"encoder.{2 * layer}.{part}"] = f"encoder.{layer}.reparam_conv.{part}"
        for side in ("ih", "hh"):
            names[f"cell.{part}_{side}"] = f"decoder.rnn.{part}_{side}"
    return {ours: published[f"_model.{theirs}"] for ours, theirs in names.items()}


def _tone() -> Tensor:
    """A chunk (1, 576) of 150 Hz with its first overtones, each half as loud as the one below."""
    time = torch.arange(CONTEXT + CHUNK) / RATE
    overtones = [0.5**order * torch.sin(2 * math.pi * 150 * order * time) for order in range(1, 6)]
    return torch.stack(overtones).sum(0).unsqueeze(0)
