"""Writes a ScriptModule to bytes that hold the model alone, nothing of the machine it was made on."""

from __future__ import annotations

import io

import torch

# What the writer adds by itself when it closes an archive.
_WRITTEN_AT_THE_END = frozenset({"version", "byteorder", ".format_version", ".data/serialization_id"})


def archive_of(module: torch.jit.ScriptModule) -> bytes:
    """The module as torch.jit.save writes it, without the debug records.

    Those name, for every operator, the Python files and lines it came from: a fifth of a small archive, full of the
    paths of the machine, and different when the same model is converted from another folder or after another one.
    """
    stored = io.BytesIO()
    torch.jit.save(module, stored)
    reader = torch._C.PyTorchFileReader(io.BytesIO(stored.getvalue()))
    kept = io.BytesIO()
    writer = torch._C.PyTorchFileWriter(kept)
    for name in reader.get_all_records():
        if name not in _WRITTEN_AT_THE_END and not name.endswith(".debug_pkl"):
            record = reader.get_record(name)
            writer.write_record(name, record, len(record))
    writer.write_end_of_file()
    return kept.getvalue()
