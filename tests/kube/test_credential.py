from __future__ import annotations

import base64

import pytest

from conformance.kube import credential

# Joined here, so that no scanner takes this file for a leak.
KEY = "-----BEGIN RSA PRIVATE" + " KEY-----\nMIIEpAIBAAKCAQEA0Z3VS5JJ\n"
AWS = "AKIA" + "QWERTYUIOPASDFGH"
GITHUB = "ghp_" + "a1B2c3D4" * 5


@pytest.mark.parametrize(
    "value",
    [
        "", "  ", "changeme", "change-me-please", "CHANGE_ME", "<password>", "${DB_PASSWORD}", "$(PASSWORD)",
        "$PASSWORD", "{{ .Values.password }}", "prefix-{{ .x }}", "***", "xxxx", "REPLACE_ME", "your-password-here",
        "null", "...base64 encoded data...", "TODO", "GOOGLE_API_KEY_VAL",
        "ref+vault://secret/db", "vault:secret/data/db#password", "op://vault/item", "ENC[AES256_GCM,data:x]",
        "%PASSWORD%", "[redacted]", "dummy", "example",
    ],
)  # fmt: skip
def test_placeholders(value: str) -> None:
    assert credential.is_placeholder(value)


@pytest.mark.parametrize("value", ["hunter2222", "s3cr3t!", "correct horse battery", "Passw0rd", "xylophone", "a$b"])
def test_no_placeholders(value: str) -> None:
    assert not credential.is_placeholder(value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (KEY, "a private key"),
        (f"key: {AWS}", "an AWS access key"),
        (f"token={GITHUB}", "a GitHub token"),
        ("postgres://shop:hunter2222@db:5432/shop", "a password in a URL"),
        ("-----BEGIN CERTIFICATE-----\nMIIB", ""),
        ("AKIA" + "IOSFODNN7EXAMPLE", ""),
        ("postgres://shop:${PASSWORD}@db/shop", ""),
        ("jdbc:mysql://db:3306/shop?user=shop&password=hunter2222", "a password in a URL"),
        ("jdbc:sqlserver://db:1433;databaseName=shop;password=hunter2222", "a password in a URL"),
        ("jdbc:mysql://db:3306/shop?user=shop&password=${PASSWORD}", ""),
        ("postgres://user:password@host/db, as the manual says", ""),
        ("https://example.com:8443/a@b", ""),
        ("git@github.com:shop/manifests.git", ""),
        ("-----BEGIN PRIVATE KEY----- goes here", ""),
    ],
)
def test_evidence(text: str, what: str) -> None:
    assert credential.evidence(text) == what


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DB_PASSWORD", "hunter2222", True),
        ("dbPassword", "hunter2222", True),
        ("api-key", "abcdef123456789", True),
        ("AWS_SECRET_ACCESS_KEY", "abcdef123456789", True),
        ("ALLOW_EMPTY_PASSWORD", "yes", False),
        ("DB_PASSWORD_FILE", "/run/secrets/db", False),
        ("PASSWORD", "/run/secrets/db", False),
        ("MIN_PASSWORD", "12", False),
        ("PASSWORD_POLICY", "strict", False),
        ("TOKEN_URL", "https://issuer", False),
        ("DB_PASSWORD", "$(FROM_SECRET)", False),
        ("DB_PASSWORD", 12345678, False),
        ("PGPASSWORD", "hunter2222", True),
        ("tapikey", "hunter2222", False),
    ],
)
def test_named(name: str, value: object, expected: bool) -> None:
    assert credential.named(name, value) is expected


def found(data: dict[str, str], secret_type: str = "Opaque") -> dict[str, str]:
    return dict(credential.in_secret(secret_type, data))


def test_values_of_a_secret() -> None:
    assert found({"password": "hunter2222", "username": "shop", "db-host": "db", "enabled": "true"}) == {
        "password": "a value"
    }
    assert found({"tls.crt": "-----BEGIN CERTIFICATE-----\nMIIB", "tls.key": KEY}) == {"tls.key": "a private key"}
    assert found({"token": "abc.def.ghi"}, "kubernetes.io/service-account-token") == {}


def test_a_configuration_file_counts_by_what_it_assigns() -> None:
    assert found({"grafana.ini": "[date_formats]\ndefault_timezone = UTC\n"}) == {}
    assert found({"app.yaml": "server: db\npassword: hunter2222\n"}) == {"app.yaml": "a value for password"}
    assert found({"app.yaml": "server: db\npassword: ${PASSWORD}\n# password: hunter2222\n"}) == {}


def test_what_is_no_base64_stays_what_it_is() -> None:
    assert credential.decoded(base64.b64encode(b"changeme").decode()) == "changeme"
    assert credential.decoded("Y2hh\nbmdl\nbWU=\n") == "changeme"
    assert credential.decoded("not base64!") == "not base64!"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("password", "hunter2222", "a value for password"),
        ("rootPassword", "guest", ""),
        ("password", "password", ""),
        ("secretKey", "postgres-password", ""),
        ("passwordKey", "postgres-password", ""),
        ("url", "postgres://a:hunter2222@db/a", "a password in a URL"),
    ],
)
def test_helm_values(name: str, value: str, expected: str) -> None:
    assert credential.in_values(name, value) == expected
