"""A bundle's signature: the same for the same files, refused for another key or another byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bundle_parts import small_manifest, write_bundle
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from edgeproof.converters.errors import InputError, UnsafeInput
from edgeproof.validators.bundle.packing import SIGNATURE
from edgeproof.validators.bundle.signing import sign, verify_signature


def _pair(folder: Path, name: str, private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> tuple[Path, Path]:
    key, public = folder / f"{name}.pem", folder / f"{name}.pub"
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return key, public


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return _pair(tmp_path, "maker", ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "bundle", small_manifest())


def test_the_owner_of_the_key_is_recognised_every_time_by_the_same_bytes(folder: Path, pair: tuple[Path, Path]):
    sign(folder, pair[0], name="net")
    first = (folder / SIGNATURE).read_bytes()
    sign(folder, pair[0], name="net")
    assert (folder / SIGNATURE).read_bytes() == first
    verify_signature(folder, pair[1])


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()])
def test_longer_keys_will_do(folder: Path, tmp_path: Path, curve: ec.EllipticCurve):
    key, public = _pair(tmp_path, "longer", ec.generate_private_key(curve))
    sign(folder, key, name="net")
    verify_signature(folder, public)


def test_another_key_is_refused(folder: Path, pair: tuple[Path, Path], tmp_path: Path):
    sign(folder, pair[0], name="net")
    _, other = _pair(tmp_path, "other", ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(UnsafeInput, match=r"not made with the key to other\.pub"):
        verify_signature(folder, other)


@pytest.mark.parametrize("change", ["changed", "added", "removed"])
def test_other_files_than_those_signed_are_refused(folder: Path, pair: tuple[Path, Path], change: str):
    sign(folder, pair[0], name="net")
    match change:
        case "changed":
            (folder / "labels.txt").write_text("none\none\nthree\n")
        case "added":
            (folder / "more.txt").write_text("")
        case _:
            (folder / "labels.txt").unlink()
    with pytest.raises(UnsafeInput, match="over other files"):
        verify_signature(folder, pair[1])


def test_a_signature_that_was_tampered_with_is_refused(folder: Path, pair: tuple[Path, Path]):
    sign(folder, pair[0], name="net")
    document = json.loads((folder / SIGNATURE).read_text())
    payload = document["dsseEnvelope"]["payload"]
    document["dsseEnvelope"]["payload"] = payload[:-8] + "AAAAAAA="
    for broken in (json.dumps(document), "{}", "[]", "no JSON", '{"dsseEnvelope": 1}'):
        (folder / SIGNATURE).write_text(broken)
        with pytest.raises(UnsafeInput, match="not signed by this key"):
            verify_signature(folder, pair[1])


def test_what_is_not_signed_is_refused_where_a_signature_is_asked_for(folder: Path, pair: tuple[Path, Path]):
    with pytest.raises(UnsafeInput, match="carries no signature"):
        verify_signature(folder, pair[1])


def test_what_is_no_key_is_told(folder: Path, pair: tuple[Path, Path], tmp_path: Path):
    with pytest.raises(InputError, match="no private key"):
        sign(folder, pair[1], name="net")
    with pytest.raises(InputError, match="no private key"):
        sign(folder, tmp_path / "absent.pem", name="net")
    key, public = _pair(tmp_path, "rsa", rsa.generate_private_key(public_exponent=65537, key_size=2048))
    with pytest.raises(InputError, match="P-256"):
        sign(folder, key, name="net")
    sign(folder, pair[0], name="net")
    with pytest.raises(InputError, match="P-256"):
        verify_signature(folder, public)
    with pytest.raises(InputError, match="no public key"):
        verify_signature(folder, pair[0])
