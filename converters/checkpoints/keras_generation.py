"""Decides whether a Keras model is opened by Keras 3 or by Keras 2 (tf_keras), from what its file says."""

from __future__ import annotations

from .keras_files import Layout, StoredModel
from .keras_vetting import classes_in

# Keras 3.15 reads these from Keras 2's HDF5 files as they are; a test makes every one of them with tf_keras.
_UNCHANGED = frozenset(
    """
    Activation Add AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization Concatenate
    Conv1D Conv2D Conv3D Cropping1D Cropping2D Cropping3D Dense Dropout Embedding Flatten Functional GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D
    GlobalMaxPooling3D InputLayer Masking MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum Model Multiply
    Permute RepeatVector Reshape Sequential Softmax Subtract UpSampling1D UpSampling2D UpSampling3D
    ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """.split()
)
# These as well, while their configs lack what later versions of Keras 2 wrote and Keras 3 does not take.
_UNCHANGED_WITHOUT = {
    **dict.fromkeys(
        "Conv1DTranspose Conv2DTranspose Conv3DTranspose DepthwiseConv1D DepthwiseConv2D SeparableConv1D"
        " SeparableConv2D".split(),
        "groups",
    ),
    **dict.fromkeys("GRU LSTM SimpleRNN".split(), "time_major"),
}
_PARTS = frozenset(
    """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones Orthogonal
    RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros L1 L1L2 L2 MaxNorm MinMaxNorm NonNeg UnitNorm
    """.split()
)


def needs_keras_2(stored: StoredModel) -> bool:
    """Whether Keras 2 wrote it, in a way that Keras 3 does not read."""
    if stored.config is None or not was_written_by_keras_2(stored):
        return False
    if stored.layout is Layout.ARCHIVE:
        return True
    return any(not _unchanged(kind, set(config)) for kind, config in classes_in(stored.config))


def was_written_by_keras_2(stored: StoredModel) -> bool:
    """What the file says about its writer; Keras 1 counts as well."""
    return stored.version is not None and stored.version.partition(".")[0] in ("1", "2")


def _unchanged(kind: str, keys: set[str]) -> bool:
    if kind in _UNCHANGED_WITHOUT:
        return _UNCHANGED_WITHOUT[kind] not in keys
    return kind in _UNCHANGED or kind in _PARTS
