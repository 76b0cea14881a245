"""OpenSSF's own model-signing accepts our signatures, and ours its; it lives in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from bundle_parts import small_manifest, write_bundle

from edgeproof.converters.errors import UnsafeInput
from edgeproof.validators.bundle.packing import SIGNATURE
from edgeproof.validators.bundle.signing import sign, verify_signature

pytestmark = [pytest.mark.packaging, pytest.mark.slow]
# 1.1.1 imports pyOpenSSL and does not ask for it.
_LIBRARY = ("model-signing==1.1.1", "pyOpenSSL")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library's command."""
    place = tmp_path_factory.mktemp("library") / "environment"
    subprocess.run((sys.executable, "-m", "venv", place), check=True)
    install = (place / "bin" / "pip", "install", "-q", "--disable-pip-version-check", *_LIBRARY)
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return place / "bin" / "model_signing"


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    for command in (
        ("openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", "key.pem"),
        ("openssl", "ec", "-in", "key.pem", "-pubout", "-out", "key.pub"),
    ):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path / "key.pem", tmp_path / "key.pub"


def _verified(library: Path, folder: Path, public: Path) -> subprocess.CompletedProcess[str]:
    options = ("--signature", folder / SIGNATURE, "--public_key", public)
    return subprocess.run(
        (library, "verify", "key", folder, *options), capture_output=True, text=True, check=False, timeout=100
    )


def test_the_library_accepts_ours_and_refuses_what_was_changed(library: Path, keys: tuple[Path, Path], tmp_path: Path):
    folder = write_bundle(tmp_path / "bundle", small_manifest())
    sign(folder, keys[0], name="net")
    done = _verified(library, folder, keys[1])
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "labels.txt").write_text("changed")
    assert _verified(library, folder, keys[1]).returncode != 0


def test_we_accept_the_librarys_and_refuse_what_was_changed(library: Path, keys: tuple[Path, Path], tmp_path: Path):
    folder = write_bundle(tmp_path / "bundle", small_manifest())
    options = ("--signature", folder / SIGNATURE, "--private_key", keys[0])
    subprocess.run((library, "sign", "key", folder, *options), check=True, capture_output=True, timeout=100)
    verify_signature(folder, keys[1])
    (folder / "labels.txt").write_text("changed")
    with pytest.raises(UnsafeInput):
        verify_signature(folder, keys[1])
