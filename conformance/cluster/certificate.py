"""What a certificate says of itself: everything that a TLS handshake shows to anybody."""

from __future__ import annotations

from typing import Any


def facts(pem: bytes) -> list[dict[str, Any]]:
    """Subject, issuer, DNS names and validity of each certificate of a PEM bundle, the leaf first.

    Bytes that are no certificate give `[{"unreadable": reason}]`: an empty bundle and a broken one are findings for
    somebody, not nothing.
    """
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        return [{"unreadable": str(error).partition("\n")[0] or "no PEM certificate"}]
    return [
        {
            "subject": each.subject.rfc4514_string(),
            "issuer": each.issuer.rfc4514_string(),
            "dnsNames": _names(each),
            "notBefore": each.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "notAfter": each.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "serial": f"{each.serial_number:x}",
        }
        for each in found
    ]


def _names(certificate: Any) -> list[str]:
    from cryptography import x509

    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return []
    return list(extension.value.get_values_for_type(x509.DNSName))
