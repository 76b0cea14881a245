"""What bad input gets: one clear error, a fix, the contract's exit code, and no traceback of ours."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import COMMAND, Done, edgeproof

from edgeproof.sample_models.catalog import sample

pytestmark = pytest.mark.e2e
_MAY_MOUNT = (
    subprocess.run(
        ["unshare", "-rm", "bash", "-c", "mount -t tmpfs -o size=16k none /tmp"], capture_output=True, check=False
    ).returncode
    == 0
    if shutil.which("unshare")
    else False
)

MODEL = """
import torch

class Net(torch.nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.body = torch.nn.Linear(width, 2)

    def forward(self, x):
        return self.body(x)

def build(width=4):
    return Net(width)

def with_inputs():
    return Net(), torch.ones(1, 4)

def wrapped():
    net = Net()
    outer = torch.nn.Module()
    outer.part = net
    return outer

def broken():
    settings = {}
    return settings["width"]

def no_module():
    return 3

class Spectrum(torch.nn.Module):
    def forward(self, x):
        y = torch.special.bessel_j0(x)
        return torch.special.airy_ai(y)

def spectrum():
    return Spectrum(), torch.ones(1, 4)

class Noisy(torch.nn.Module):
    def forward(self, x):
        return x + torch.rand_like(x)

def noisy():
    return Noisy(), torch.ones(1, 4)

class Branch(torch.nn.Module):
    def forward(self, x):
        if x.sum() > 0:
            return x * 2
        return x - 1

def branch():
    return Branch(), torch.ones(1, 4)

class Slow(torch.nn.Module):
    def forward(self, x):
        import time
        time.sleep(300)
        return x

def slow():
    return Slow(), torch.ones(1, 4)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    return tmp_path


def explained(done: Done, code: int, *words: str) -> None:
    assert done.code == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout
    assert "edgeproof/converters" not in done.stderr
    assert "fix:" in done.stderr + done.stdout
    for word in words:
        assert word in done.stderr + done.stdout


def convert(folder: Path, *arguments: str | Path) -> Done:
    return edgeproof("convert", *arguments, "-o", "out", "-q", folder=folder)


def test_a_missing_file(folder: Path) -> None:
    explained(convert(folder, "gone.pt"), 2, "does not exist")


def test_an_empty_file(folder: Path) -> None:
    (folder / "empty.pt").touch()
    explained(convert(folder, "empty.pt"), 2, "empty")


def test_a_truncated_checkpoint(folder: Path) -> None:
    whole = (sample("faces_cnn").folder / "model.keras").read_bytes()
    (folder / "cut.keras").write_bytes(whole[: len(whole) // 2])
    explained(convert(folder, "cut.keras"), 2, "damaged or cut off")


def test_truncated_safetensors(folder: Path) -> None:
    whole = (sample("digits_cnn").folder / "weights.safetensors").read_bytes()
    (folder / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    explained(
        convert(folder, "cut.safetensors", "--model", "model.py:build", "--input", "x:float32[1,4]"), 2, "cut off"
    )


def test_weights_without_an_architecture(folder: Path) -> None:
    explained(convert(folder, sample("digits_cnn").folder / "weights.safetensors"), 2, "--model")


def test_keys_that_do_not_match(folder: Path) -> None:
    weights = sample("digits_cnn").folder / "weights.safetensors"
    done = convert(folder, weights, "--model", "model.py:build", "--input", "x:float32[1,4]")
    explained(done, 2, "2 missing (body.weight, body.bias)", "unexpected")


def test_keys_that_match_but_for_a_prefix(folder: Path) -> None:
    _save(folder, "wrapped().state_dict()")
    done = convert(folder, "weights.pt", "--model", "model.py:build", "--input", "x:float32[1,4]")
    explained(done, 2, "every key matches without the prefix 'part.'")


def test_a_factory_that_raises(folder: Path) -> None:
    explained(convert(folder, "model.py:broken"), 2, "KeyError: 'width'", 'return settings["width"]')


def test_a_factory_that_is_not_there(folder: Path) -> None:
    explained(convert(folder, "model.py:biuld"), 2, "has no function 'biuld'", "build")


def test_a_factory_that_gives_no_module(folder: Path) -> None:
    explained(convert(folder, "model.py:no_module"), 2, "returned int")


def test_no_example_inputs(folder: Path) -> None:
    explained(convert(folder, "model.py:build"), 2, "--input")


def test_a_wrong_input_shape(folder: Path) -> None:
    explained(convert(folder, "model.py:build", "--input", "x:float32[1,5]"), 2, "1, 5", "--input")


def test_a_wrong_input_dtype(folder: Path) -> None:
    explained(convert(folder, "model.py:build", "--input", "x:int64[1,4]"), 2, "int64")


def test_a_wrong_input_name(folder: Path) -> None:
    explained(convert(folder, "model.py:build", "--input", "image:float32[1,4]"), 2, "forward takes x")


def test_an_unknown_format(folder: Path) -> None:
    explained(convert(folder, "model.py:with_inputs", "--to", "onxx"), 2, "onnx")


def test_an_output_folder_that_is_not_empty(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "thesis.tex").write_text("years")
    explained(convert(folder, "model.py:with_inputs"), 2, "--overwrite")
    assert (folder / "out" / "thesis.tex").read_text() == "years"


def test_a_model_that_is_not_repeatable(folder: Path) -> None:
    explained(convert(folder, "model.py:noisy"), 2, "two different values")


@pytest.mark.parametrize("name", ["executorch", "litert", "onnx"])
def test_unsupported_operators_are_all_named_with_their_lines(folder: Path, name: str) -> None:
    done = convert(folder, "model.py:spectrum", "--to", name)
    explained(done, 3, "bessel_j0", "airy_ai", *_lines_of("bessel_j0", "airy_ai"))


def test_control_flow_on_values_is_scripted_or_refused(folder: Path) -> None:
    done = edgeproof("convert", "model.py:branch", "-o", "out", "-q", "--json", folder=folder)
    assert done.code == 3
    rows = {row["format"]: row for row in done.document["report"]["results"]}
    assert rows["torchscript"]["status"] == "PASS"
    assert any("scripted" in note for note in rows["torchscript"]["notes"])
    for name in ("onnx", "executorch", "litert"):
        assert rows[name]["status"] == "CONVERT_FAIL"
        assert "depends on tensor values" in rows[name]["reason"]
        assert "model.py" in rows[name]["reason"]


def test_a_pickled_module_is_refused(folder: Path) -> None:
    _save(folder, "build()")
    explained(convert(folder, "weights.pt", "--input", "x:float32[1,4]"), 5, "run code", "--model", "--trust-pickle")


def test_a_time_limit_is_one_job_s_result(folder: Path) -> None:
    explained(convert(folder, "model.py:slow", "--timeout", "8"), 6, "--timeout")


@pytest.mark.linux
@pytest.mark.skipif(not _MAY_MOUNT, reason="needs a user namespace in which a small disk can be mounted")
def test_a_full_disk(folder: Path) -> None:
    (folder / "small").mkdir()
    mount = 'mount -t tmpfs -o size=16k none small && "$@"; code=$?; ls -A small; exit $code'
    command = ["unshare", "-rm", "bash", "-c", mount, "bash", *COMMAND]
    arguments = ["convert", "model.py:with_inputs", "--to", "torchscript", "-o", "small/out", "-q"]
    done = subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    explained(Done(code=done.returncode, stdout=done.stdout, stderr=done.stderr), 2, "No space left")
    assert done.stdout == ""


@pytest.fixture
def running(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [*COMMAND, "convert", "model.py:slow", "-o", "out"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.linux
def test_an_interrupt_leaves_nothing(running: subprocess.Popen[str], folder: Path) -> None:
    workers = _wait_for_workers(running.pid)
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "Traceback" not in stderr
    assert [path.name for path in folder.iterdir()] == ["model.py"]
    assert not [pid for pid in workers if _is_running(pid)]


@pytest.mark.linux
def test_a_killed_parent_takes_its_workers_along(running: subprocess.Popen[str]) -> None:
    workers = _wait_for_workers(running.pid)
    running.kill()
    running.wait()
    deadline = time.monotonic() + 20
    while any(_is_running(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not [pid for pid in workers if _is_running(pid)]


def _wait_for_workers(parent: int) -> list[int]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        if children:
            time.sleep(3)
            return [int(child) for child in children]
        time.sleep(0.1)
    raise AssertionError("no worker was started")


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _lines_of(*texts: str) -> list[str]:
    """Where the model's text has these, as messages name the place."""
    lines = MODEL.splitlines()
    return [f"model.py:{number}" for text in texts for number, line in enumerate(lines, start=1) if text in line]


def _save(folder: Path, what: str) -> None:
    """Save with torch in another process: this one has no framework."""
    script = f"import torch, model\ntorch.save(model.{what}, 'weights.pt')\n"
    subprocess.run(
        [COMMAND[0], "-c", script], cwd=folder, check=True, timeout=120, env={**os.environ, "PYTHONPATH": str(folder)}
    )
