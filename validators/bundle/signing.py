"""Signs a bundle's folder with a key, and verifies it, in the format of OpenSSF model-signing.

The signature is a Sigstore bundle without a transparency log: a DSSE envelope around an in-toto statement that names
every file with its SHA-256. `model_signing verify key` accepts it. The library itself cannot be installed beside
LiteRT's converter (docs/decisions.md), so the format is written here, and tested against the library.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from ...converters.errors import InputError, UnsafeInput
from ...converters.manifest import file_sha256
from .packing import SIGNATURE, files_of

_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://model_signing/signature/v1.0"
_CURVES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}
_MAKE_KEY = (
    "make a pair with `openssl ecparam -genkey -name prime256v1 -noout -out key.pem` and "
    "`openssl ec -in key.pem -pubout -out key.pub`"
)


def sign(folder: Path, key: Path, *, name: str) -> None:
    """Write model.sig over every other file of the folder; the same files and key give the same bytes (RFC 6979).

    `key` is a file with a private key in PEM on one of the curves P-256, P-384 and P-521. InputError if it is none.
    """
    private = _private_key(key)
    payload = json.dumps(_statement(folder, name), separators=(",", ":"), sort_keys=True).encode()
    signature = private.sign(_encoded(payload), _algorithm(private.public_key(), deterministic=True))
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": _PAYLOAD_TYPE,
        "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
    }
    material = {"publicKey": {"hint": _hint(private.public_key())}, "tlogEntries": []}
    document = {"mediaType": _MEDIA_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope}
    (folder / SIGNATURE).write_text(json.dumps(document, indent=1) + "\n")


def require_private_key(key: Path) -> None:
    """Raise InputError unless the file holds a private key that can sign."""
    _private_key(key)


def verify_signature(folder: Path, key: Path) -> None:
    """Raise UnsafeInput unless model.sig is the key's signature over exactly the files that are there.

    `key` is a file with a public key in PEM; InputError if it is none.
    """
    public = _public_key(key)
    path = folder / SIGNATURE
    if not path.is_file():
        raise UnsafeInput("the bundle carries no signature", fix="ask who made it to sign it, or leave --key out")
    try:
        document = json.loads(path.read_bytes())
        envelope = document["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
        known = (document["mediaType"], envelope["payloadType"]) == (_MEDIA_TYPE, _PAYLOAD_TYPE)
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise _not_signed(f"model.sig is no signature ({error})") from error
    if not known or not _is_signed(public, payload, signature):
        raise _not_signed(f"its signature was not made with the key to {key.name}")
    _require_same_files(payload, folder)


def _require_same_files(payload: bytes, folder: Path) -> None:
    """Raise unless the statement is one of this kind and names the files of the folder, and no others."""
    statement = cast("dict[str, Any]", json.loads(payload))  # signed, so it is what a signer wrote
    if (statement.get("_type"), statement.get("predicateType")) != (_STATEMENT, _PREDICATE):
        raise _not_signed("the signature is over something else than a model's files")
    signed = {each["name"]: (each["algorithm"], each["digest"]) for each in statement["predicate"]["resources"]}
    found = {each["name"]: (each["algorithm"], each["digest"]) for each in _resources(folder)}
    differing = sorted(name for name in signed.keys() | found.keys() if signed.get(name) != found.get(name))
    if differing:
        raise _not_signed(f"the signature is over other files: {differing[0]} differs")


def _not_signed(why: str) -> UnsafeInput:
    return UnsafeInput(f"the bundle is not signed by this key: {why}", fix="ask who made it for their public key")


def _statement(folder: Path, name: str) -> dict[str, Any]:
    resources = _resources(folder)
    root = hashlib.sha256(b"".join(bytes.fromhex(each["digest"]) for each in resources)).hexdigest()
    serialization = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": [SIGNATURE]}
    return {
        "_type": _STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": root}}],
        "predicateType": _PREDICATE,
        "predicate": {"serialization": serialization, "resources": resources},
    }


def _resources(folder: Path) -> list[dict[str, str]]:
    files = ((name, path) for name, path in files_of(folder).items() if name != SIGNATURE)
    return [{"name": name, "algorithm": "sha256", "digest": file_sha256(path)} for name, path in files]


def _encoded(payload: bytes) -> bytes:
    """DSSE's encoding of what is signed: https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md."""
    return f"DSSEv1 {len(_PAYLOAD_TYPE)} {_PAYLOAD_TYPE} {len(payload)} ".encode() + payload


def _is_signed(public: ec.EllipticCurvePublicKey, payload: bytes, signature: bytes) -> bool:

    try:
        public.verify(signature, _encoded(payload), _algorithm(public))
    except InvalidSignature:
        return False
    return True


def _algorithm(public: ec.EllipticCurvePublicKey, *, deterministic: bool = False) -> ec.ECDSA:

    return ec.ECDSA(_CURVES[public.curve.name], deterministic_signing=deterministic)


def _hint(public: ec.EllipticCurvePublicKey) -> str:

    return hashlib.sha256(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _private_key(path: Path) -> ec.EllipticCurvePrivateKey:

    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path} holds no private key in PEM without a password: {error}", fix=_MAKE_KEY) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name not in _CURVES:
        raise InputError(f"{path} is not a key on P-256, P-384 or P-521", fix=_MAKE_KEY)
    return key


def _public_key(path: Path) -> ec.EllipticCurvePublicKey:

    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path} holds no public key in PEM: {error}", fix=_MAKE_KEY) from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _CURVES:
        raise InputError(f"{path} is not a key on P-256, P-384 or P-521", fix=_MAKE_KEY)
    return key
