"""What of an object is kept: no secret values, and nothing that only the server's own book-keeping needs."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any

from conformance.kube.removed import LAST_APPLIED

#: our own field in a Secret: facts about its certificates, by key
CERTIFICATES = "plumblineCertificates"
_TLS = "kubernetes.io/tls"


def kept(raw: dict[str, Any], salt: bytes) -> dict[str, Any]:
    """An object as it may leave memory.

    Of a Secret: its keys, each with a salted digest and the size, so that two equal values can be told to be equal
    within one snapshot and a value cannot be guessed from it without the salt, which is never written. Of its
    certificates what anybody may see in a TLS handshake.
    """
    metadata = raw.get("metadata")
    if isinstance(metadata, dict):
        raw = raw | {"metadata": _metadata(metadata, raw.get("apiVersion"))}
    if raw.get("kind") == "Secret" and raw.get("apiVersion") == "v1":
        return _secret(raw, salt)
    return raw


def _metadata(metadata: dict[str, Any], api_version: Any) -> dict[str, Any]:
    """Without the book-keeping of field managers, but for the API versions they write in where these are others."""
    rest = {key: value for key, value in metadata.items() if key != "managedFields"}
    managers = metadata.get("managedFields")
    other = {
        (each.get("manager"), each.get("apiVersion")): None
        for each in (managers if isinstance(managers, list) else ())
        if isinstance(each, dict) and each.get("apiVersion") != api_version
    }
    if other:
        rest["managedFields"] = [{"manager": manager, "apiVersion": version} for manager, version in other]
    return rest


def _secret(raw: dict[str, Any], salt: bytes) -> dict[str, Any]:
    metadata = dict(raw.get("metadata") or {})
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict):
        # whatever tool wrote an annotation may have put the manifest into it
        metadata["annotations"] = {
            key: value for key, value in annotations.items() if key != LAST_APPLIED and "stringData" not in str(value)
        }
    data: dict[str, Any] = raw["data"] if isinstance(raw.get("data"), dict) else {}
    out = {key: value for key, value in raw.items() if key not in ("data", "stringData")} | {"metadata": metadata}
    out["data"] = {key: digest(value, salt) for key, value in data.items()}
    if raw.get("type") == _TLS:
        from conformance.cluster.certificate import facts

        out[CERTIFICATES] = {key: facts(_bytes(data[key])) for key in ("tls.crt", "ca.crt") if key in data}
    return out


def digest(value: Any, salt: bytes) -> str:
    """`hmac-sha256:<24 digits>:<bytes>` of a value of `data`; one that is no base64 is taken as it stands."""
    content = _bytes(value)
    return f"hmac-sha256:{hmac.new(salt, content, hashlib.sha256).hexdigest()[:24]}:{len(content)}"


def _bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        return str(value).encode()
