"""The globals that a pickled checkpoint may mention: those that stand for tensors and plain containers."""

from __future__ import annotations

STORAGES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
    "QUInt4x2Storage": "quint4x2",
    "QUInt2x4Storage": "quint2x4",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "untyped",
}
_DTYPES = {
    **{name: name for name in STORAGES.values() if not name.startswith("untyped")},
    **{
        name: name
        for name in "uint16 uint32 uint64 complex32 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz"
        " float8_e8m0fnu float4_e2m1fn_x2".split()
    },
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "long": "int64",
    "int": "int32",
    "short": "int16",
    "cfloat": "complex64",
    "cdouble": "complex128",
    "chalf": "complex32",
}
_STORAGE_MODULES = ("torch", "torch.storage", "torch.cuda")
DTYPE_OF_STORAGE = {f"{module}.{name}": dtype for module in _STORAGE_MODULES for name, dtype in STORAGES.items()}
DTYPE_OF_NAME = {f"torch.{name}": dtype for name, dtype in _DTYPES.items()}

REBUILD_TENSOR = frozenset({"torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2"})
REBUILD_QUANTIZED = "torch._utils._rebuild_qtensor"
REBUILD_TENSOR_V3 = "torch._utils._rebuild_tensor_v3"
REBUILD_PARAMETER = frozenset({"torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"})
REBUILD_FROM_TYPE = "torch._tensor._rebuild_from_type_v2"
TENSOR_TYPES = frozenset({
    "torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer",
    *(f"torch.{kind}Tensor" for kind in "Float Double Half BFloat16 Long Int Short Char Byte Bool".split()),
    *(f"torch.cuda.{kind}Tensor" for kind in "Float Double Half BFloat16 Long Int Short Char Byte Bool".split()),
})  # fmt: skip
MAPPINGS = frozenset({"collections.OrderedDict", "collections.defaultdict", "collections.Counter", "builtins.dict"})
NUMPY_SCALAR = frozenset({"numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"})
NUMPY_DTYPE = "numpy.dtype"
ENCODED_BYTES = "_codecs.encode"
SIZE = "torch.Size"
COMPLEX = "builtins.complex"

# These are allowed and stay opaque: what they stand for is no plain tensor or value.
_SPECIAL = frozenset({
    "torch.device", "torch.Generator", "torch.serialization._get_layout", "builtins.set", "builtins.frozenset",
    "builtins.bytearray", "builtins.slice", "builtins.range", "builtins.int", "builtins.float", "builtins.list",
    "torch.per_tensor_affine", "torch.per_tensor_symmetric", "torch.per_channel_affine",
    "torch.per_channel_symmetric", "torch.per_channel_affine_float_qparams",
    "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct", "numpy.ndarray",
    *(f"torch._utils.{name}" for name in (
        "_rebuild_sparse_tensor", "_rebuild_sparse_csr_tensor", "_rebuild_nested_tensor", "_rebuild_qtensor",
        "_rebuild_meta_tensor_no_storage", "_rebuild_device_tensor_from_cpu_tensor",
        "_rebuild_device_tensor_from_numpy",
    )),
})  # fmt: skip
_ALLOWED = (
    _SPECIAL
    | MAPPINGS
    | TENSOR_TYPES
    | REBUILD_TENSOR
    | REBUILD_PARAMETER
    | NUMPY_SCALAR
    | DTYPE_OF_STORAGE.keys()
    | DTYPE_OF_NAME.keys()
    | {REBUILD_TENSOR_V3, REBUILD_FROM_TYPE, NUMPY_DTYPE, ENCODED_BYTES, SIZE, COMPLEX}
)
_NAMES_OF_PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg", "__builtins__": "builtins"}


def plain_name(text: str) -> str:
    """A global by the name it has in Python 3."""
    module, dot, rest = text.partition(".")
    return f"{_NAMES_OF_PYTHON_2.get(module, module)}{dot}{rest}"


def is_allowed(text: str) -> bool:
    """Whether a pickle may mention the global in a checkpoint that holds tensors and plain values alone."""
    return plain_name(text) in _ALLOWED
