"""What looks like a credential in clear text; nothing here ever shows one.

Noise is worse here than anywhere: a value counts by strong evidence only (a private key, a token of a known form, a
password in a URL, a field whose name says what it is), and placeholders never count.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

_PLACEHOLDER = re.compile(
    r"""(?ix) \A\W*\Z                                            # nothing but punctuation: ***, ---
    | \A [\s"']* ( < .* > | \$ [{(]? .* | .* \{\{ .* | % [a-z_]+ % | \[ .* \] | ref\+ .* | vault: .* | op:// .*
    | enc\[ .* | ( x | \* | \. )+ | \.\.\. .* | .* \.\.\. | null | none | nil | undefined | n/?a | todo | tbd )
      [\s"']* \Z
    | change[-_ ]?(me|it|this) | replace[-_ ]?(me|this|with) | placeholder | redacted | dummy | fake | example
    | \A (?-i:[A-Z]+ (_[A-Z]+)+) \Z | \b your[-_ ] | \b insert[-_ ]
    """,
    re.DOTALL,
)
_SWITCH = re.compile(r"(?i)\A(true|false|yes|no|on|off|enabled|disabled|\d{1,6}|/[\w./-]*)\Z")
_NAME = re.compile(
    r"(?i)(?:password|passwd|passphrase|(?:\A|[^a-z]|(?-i:(?<=[a-z])(?=[A-Z])))(?:secret[-_]?key|api[-_]?key|"
    r"access[-_]?key|private[-_]?key|client[-_]?secret|auth[-_]?token|api[-_]?token|access[-_]?token|"
    r"secret[-_]?access[-_]?key))\Z"
)
_EVIDENCE = (
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----\s*[A-Za-z0-9+/=]{16}")),
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)(?!IOSFODNN7EXAMPLE)[A-Z0-9]{16}\b")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})")),
    ("a GitLab token", re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,}")),
    ("a Slack webhook", re.compile(r"hooks\.slack\.com/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{20,}")),
    ("a Stripe key", re.compile(r"\bsk_live_[A-Za-z0-9]{20,}")),
)
_URL = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@'\"]*:([^\s/@'\"]+)@[^\s/@'\"]+")
#: JDBC drivers take the password as a parameter too, behind `?` or `;`.
_PARAMETER = re.compile(r"(?i)\bjdbc:[^\s'\"]*[?&;]password=([^&;\s'\"]+)")
#: What manuals write in place of a password.
_MANUAL = re.compile(r"(?i)\A(?:my)?(?:pass(?:word|wd)?|pwd|pw|secret|token)\Z")
#: What charts come with, so that they start at all; their users are meant to set their own.
_CHART_DEFAULT = re.compile(r"(?i)\A(?:admin|guest|root|postgres|test|user|prom-operator)\Z")
_ASSIGNMENT = re.compile(r"(?m)^[\s\-\"']*([A-Za-z][\w.-]*)[\"']?[ \t]*[:=][ \t]*[\"']?([^\s\"'#,;]+)")
#: Keys of Secrets that name or point at something and give nobody access.
_PUBLIC_KEYS = re.compile(
    r"(?i)(?:\A|[-_.])(user(name)?|login|host(name)?|port|server|endpoint|url|uri|address|region|bucket|database|db|"
    r"db-?name|name|namespace|type|email|project|tenant(-?id)?|client-?id|account(-?id)?|ca\.crt|ca|tls\.crt|cert|crt|"
    r"certificate|known_?hosts|ssh_known_hosts|insecure|enableoci|issuer|realm|org|organization|schema|sslmode|"
    r"cluster|config\.json|domain|mode|version)\Z"
)
_PUBLIC_PEM = re.compile(
    r"-----BEGIN (CERTIFICATE|PUBLIC KEY|RSA PUBLIC KEY|X509 CRL|TRUSTED CERTIFICATE|DH PARAMETERS)"
)
_PUBLIC_TYPES = {"kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "helm.sh/release.v1"}


def is_placeholder(value: str) -> bool:
    """Whether a value only holds the place of a credential: `changeme`, `<password>`, `${VAR}`, `{{ … }}`, nothing."""
    return not value.strip() or _PLACEHOLDER.search(value) is not None


def evidence(text: str) -> str:
    """What a text surely contains, in words; empty for nothing."""
    for what, pattern in _EVIDENCE:
        if pattern.search(text):
            return what
    for found in (*_URL.finditer(text), *_PARAMETER.finditer(text)):
        if not is_placeholder(found.group(1)) and not _MANUAL.match(found.group(1)):
            return "a password in a URL"
    return ""


def named(name: str, value: Any) -> bool:
    """Whether a field's name says that its literal value is a credential: `DB_PASSWORD`, `apiKey`.

    Switches (`ALLOW_EMPTY_PASSWORD: "yes"`), numbers and paths of files are none.
    """
    return (
        isinstance(value, str)
        and _NAME.search(name) is not None
        and not is_placeholder(value)
        and not _SWITCH.match(value)
    )


def in_values(name: str, value: str) -> str:
    """What a Helm value is, if it is a credential; empty for none.

    A name ending in key may be the name of a key inside a Secret, so only passwords count by name.
    """
    found = evidence(value)
    if found or not name.lower().endswith(("password", "passwd", "passphrase")):
        return found
    default = _MANUAL.match(value) or _CHART_DEFAULT.match(value)
    return f"a value for {name}" if named(name, value) and not default else ""


def assigned(text: str) -> str:
    """What a text such as a configuration file assigns to a field named as a credential; empty for nothing."""
    for found in _ASSIGNMENT.finditer(text):
        if named(found.group(1), found.group(2)):
            return f"a value for {found.group(1)}"
    return ""


def in_secret(secret_type: str, data: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Keys of a Secret whose values (decoded) are secret, with what they are.

    Types that the cluster fills in and public parts of the others do not count; a value of several lines is a
    configuration file, which counts only if a credential is found in it.
    """
    if secret_type in _PUBLIC_TYPES:
        return
    for key, value in data.items():
        found = evidence(value)
        if not found and not is_placeholder(value) and not _PUBLIC_PEM.search(value):
            found = assigned(value) if _is_file(key, value) else ("" if _is_public(key, value) else "a value")
        if found:
            yield key, found


def _is_file(key: str, value: str) -> bool:
    return "\n" in value.strip() or key.endswith((".yaml", ".yml", ".json", ".ini", ".conf", ".toml", ".properties"))


def _is_public(key: str, value: str) -> bool:
    return _PUBLIC_KEYS.search(key) is not None or _SWITCH.match(value) is not None


def decoded(value: str) -> str:
    """A value of `data`; what is no base64, or no text, stays what it is: the API server will refuse the former.

    Line breaks in base64 mean nothing, as in Go's decoder.
    """
    try:
        return base64.b64decode(value.replace("\n", "").replace("\r", ""), validate=True).decode(
            "utf-8", errors="replace"
        )
    except (binascii.Error, ValueError):
        return value
