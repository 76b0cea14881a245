"""The operators that a program from a file may call: those that compute, by namespace, without those that reach out."""

from __future__ import annotations

import re

# What comes with torch and computes with tensors. Others (c10d, symm_mem, profiler, inductor, debugprims ...) talk to
# other processes, read files, or work on raw memory.
# dim_order_ops are ExecuTorch's copies in another order of axes.
NAMESPACES = frozenset(
    {"aten", "prims", "prim", "quantized", "quantized_decomposed", "_quantized", "torchvision", "torchaudio", "torchao"}
    | {"dim_order_ops"}
)
# Of these namespaces in torch 2.13: save and from_file open files by a name in the program; rpc calls go to other
# machines; the fbgemm operators take pointers out of tensors' bytes.
_REACH_OUT = frozenset(
    {
        "save",
        "load",
        "from_file",
        "rpc_async",
        "rpc_sync",
        "rpc_remote",
        "PythonOp",
        "CallLegacyTensorFn",
        "load_tensor",
    }
)
_RAW_MEMORY = re.compile(r"_?fbgemm_|_?cpp_custom_type|_nested_view_from_(buffer|jagged)(_copy)?$")


def refused(namespace: str, name: str) -> bool:
    """Whether a program may not call `namespace::name`."""
    return namespace not in NAMESPACES or name in _REACH_OUT or _RAW_MEMORY.match(name) is not None
