from __future__ import annotations

import json
import zipfile
from pathlib import Path

import h5py
import pytest

from edgeproof.converters.checkpoints.keras_files import read_keras_file
from edgeproof.converters.errors import SourceError
from edgeproof.converters.source import Opening

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "checkpoints"


def _with_name(path: Path, name: str) -> Path:
    with zipfile.ZipFile(GOLDEN / "net.keras") as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    config = json.loads(members["config.json"])
    config["config"]["name"] = name
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in members.items():
            archive.writestr(each, content)
    return path


def test_halves_of_characters_in_a_config_are_damage(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="its config is no JSON"):
        read_keras_file(_with_name(tmp_path / "half.keras", "\ud83d"), Opening())


def test_whole_characters_that_json_spells_in_two_halves_are_text(tmp_path: Path) -> None:
    stored = read_keras_file(_with_name(tmp_path / "whole.keras", "\U0001f600"), Opening())
    assert stored.config is not None
    assert stored.config["config"]["name"] == "\U0001f600"


def test_a_config_in_hdf5_that_is_no_text_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "bytes.h5"
    path.write_bytes((GOLDEN / "keras2.h5").read_bytes().replace(b'{"class_name"', b'{"class_nam\xf5"', 1))
    with h5py.File(path) as file:
        assert "\udcf5" in file.attrs["model_config"]
    with pytest.raises(SourceError, match="damaged"):
        read_keras_file(path, Opening())
