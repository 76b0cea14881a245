"""The kinds of files and folders that are told apart, in words."""

from __future__ import annotations

from enum import StrEnum


class FileKind(StrEnum):
    """What a file or folder holds."""

    TORCH_ZIP = "torch checkpoint"
    TORCH_PICKLE = "legacy torch checkpoint"
    TORCH_TAR = "torch checkpoint of the first versions (tar)"
    TORCHSCRIPT = "TorchScript archive"
    EXPORTED_PROGRAM = "torch exported program"
    SAFETENSORS = "safetensors weights"
    SAFETENSORS_INDEX = "index of safetensors shards"
    TRANSFORMERS = "Transformers folder"
    KERAS = "Keras model"
    HDF5 = "HDF5 file"
    KERAS_JSON = "Keras architecture in JSON"
    SAVED_MODEL = "TensorFlow SavedModel"
    ONNX = "ONNX model"
    LITERT = "LiteRT model"
    EXECUTORCH = "ExecuTorch program"
