"""Archives with quantised weights are inspected and vetted like any other."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from quantised_cases import Case, apply, dense, quantised

from edgeproof.converters.checkpoints.malformed import Malformed
from edgeproof.converters.from_torch.opening.torchscript_vetting import check_file
from edgeproof.converters.from_torch.torchscript_quantized import lower_quantized
from edgeproof.converters.inspection.torchscript import read_torchscript
from edgeproof.converters.quantization.recipe import Compute

pytestmark = pytest.mark.torch
SHAPE, LARGER_SHAPE = b"(K\x05K\x08t", b"(K\x7fK\x08t"  # (5, 8) and (127, 8) as a pickle has them


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    case = Case(apply, [dense(8, 5)], [(4, 8)])
    path = tmp_path / "net.pt"
    path.write_bytes(lower_quantized(quantised(case, Compute.INT8)).payload)
    return path


def test_the_dtype_of_packed_weights_is_told(archive: Path):
    check_file(archive)
    contents = read_torchscript(archive)
    assert ("qint8", (5, 8)) in {(tensor.dtype, tensor.shape) for tensor in contents.tensors}
    assert contents.weights.elements["qint8"] == 5 * 8
    assert "quantized::linear" in contents.operators


def test_packed_weights_that_reach_behind_their_bytes_are_refused(archive: Path, tmp_path: Path):
    path = tmp_path / "larger.pt"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as new:
        for entry in old.namelist():
            content = old.read(entry)
            assert SHAPE in content or not entry.endswith("data.pkl")
            new.writestr(entry, content.replace(SHAPE, LARGER_SHAPE) if entry.endswith("data.pkl") else content)
    with pytest.raises(Malformed, match="reaches to element"):
        check_file(path)
