import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.kube.image import Image, ImageError, parse

SHA256 = "sha256:" + "0123456789abcdef" * 4
SHA512 = "sha512:" + "0123456789abcdef" * 8


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("nginx", "docker.io", "library/nginx", None, None),
        ("nginx:1.27", "docker.io", "library/nginx", "1.27", None),
        ("library/nginx", "docker.io", "library/nginx", None, None),
        ("docker.io/nginx", "docker.io", "library/nginx", None, None),
        ("index.docker.io/nginx", "docker.io", "library/nginx", None, None),
        ("index.docker.io/team/app", "docker.io", "team/app", None, None),
        ("team/app:v1", "docker.io", "team/app", "v1", None),
        ("registry/team/app", "docker.io", "registry/team/app", None, None),
        ("registry.example.com/app", "registry.example.com", "app", None, None),
        ("registry:5000/app", "registry:5000", "app", None, None),
        ("registry:5000/app:v1", "registry:5000", "app", "v1", None),
        ("registry:5000", "docker.io", "library/registry", "5000", None),
        ("localhost/app", "localhost", "app", None, None),
        ("localhost:5000/app:v1", "localhost:5000", "app", "v1", None),
        ("Registry/app", "Registry", "app", None, None),
        ("10.0.0.1/app", "10.0.0.1", "app", None, None),
        ("[::1]:5000/app", "[::1]:5000", "app", None, None),
        ("[fd00:1::2]/app", "[fd00:1::2]", "app", None, None),
        (f"nginx@{SHA256}", "docker.io", "library/nginx", None, SHA256),
        (f"ghcr.io/a/b/c:v1@{SHA256}", "ghcr.io", "a/b/c", "v1", SHA256),
        (f"ghcr.io/a/b@{SHA512}", "ghcr.io", "a/b", None, SHA512),
        ("a__b/c-d/e--f.g", "docker.io", "a__b/c-d/e--f.g", None, None),
        ("app:_x.Y-z", "docker.io", "library/app", "_x.Y-z", None),
        (SHA256, "docker.io", "library/sha256", SHA256[7:], None),
        ("foo_bar.com/app", "", "foo_bar.com/app", None, None),
        ("app:" + "a" * 128, "docker.io", "library/app", "a" * 128, None),
    ],
)
def test_parts(text: str, registry: str, repository: str, tag: str | None, digest: str | None) -> None:
    assert parse(text) == Image(registry, repository, tag, digest)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "nginx ",
            " nginx",
            "nginx:",
            "nginx@",
            ":1.0",
            "nginx:1 0",
            "nginx::1",
            "nginx:1:2",
            "/nginx",
            "nginx/",
        ),
        *(
            "team//app",
            "Nginx",
            "team/App",
            "nginx:-x",
            "nginx:.x",
            "nginx:" + "a" * 129,
            "https://ghcr.io/a/b",
            "ghcr.io"[:0],
        ),
        *(
            "a___b",
            "a..b",
            "-a",
            "a-",
            ".a",
            "a.",
            "a/_b",
            "a_/b",
            "ghcr.io/",
            "ghcr.io:/app",
            "[::1/app",
            "nginx:латест",
        ),
        *("{{ .Values.image }}", "${IMAGE}", "nginx:$TAG", "nginx:1.0\n", "nginx\x00", "ｎginx"),
        *(
            "0123456789abcdef" * 4,
            f"@{SHA256}",
            f"nginx@{SHA256}:v1",
            f"nginx@{SHA256[:-1]}",
            f"nginx@{SHA256}0",
        ),
        *(
            f"nginx@{SHA256.upper()}",
            f"nginx@{SHA256[:7]}{SHA256[7:].upper()}",
            "nginx@sha256:abc",
            "nginx@md5:" + "a" * 32,
        ),
        *("nginx@SHA256:" + "a" * 64, "a" * 256 + "/b", "a/" * 128 + "a"),
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(ImageError):
        parse(text)


@pytest.mark.parametrize("value", [None, 1, 1.27, True, [], {}])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(ImageError):
        parse(value)


@pytest.mark.parametrize(
    ("text", "effective", "pinned"),
    [
        ("nginx", "latest", False),
        ("nginx:latest", "latest", False),
        ("nginx:1.27", "1.27", False),
        (f"nginx@{SHA256}", None, True),
        (f"nginx:latest@{SHA256}", None, True),
        ("localhost:5000/app", "latest", False),
        ("registry:5000", "5000", False),
    ],
)
def test_what_is_pulled(text: str, effective: str | None, pinned: bool) -> None:
    assert parse(text).effective_tag == effective
    assert parse(text).pinned is pinned


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("nginx", "docker.io", None),
        ("registry:5000/app", "registry", 5000),
        ("[::1]:5000/app", "[::1]", 5000),
        ("[::1]/app", "[::1]", None),
        ("registry:5000", "docker.io", None),
    ],
)
def test_host_and_port(text: str, host: str, port: int | None) -> None:
    assert parse(text).host == host
    assert parse(text).port == port


def test_the_longest_repository() -> None:
    assert parse("ghcr.io/" + "a" * 255).repository == "a" * 255
    with pytest.raises(ImageError):
        parse("ghcr.io/" + "a" * 256)


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "a." * 500_000, "a-" * 500_000, "A" * 1_000_000 + "/a", "a/" * 500_000, "1.a:" * 250_000]
)
def test_hostile_texts_are_refused_quickly(text: str) -> None:
    started = time.process_time()
    with pytest.raises(ImageError):
        parse(text)
    assert time.process_time() - started < 1


NAMES = st.from_regex(r"[a-z0-9]+([._-][a-z0-9]+)?", fullmatch=True)
HOSTS = st.sampled_from(["ghcr.io", "registry:5000", "localhost", "10.0.0.1:443", "docker.io"])
TAGS = st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@given(HOSTS, st.lists(NAMES, min_size=2, max_size=4), TAGS, st.sampled_from([None, SHA256, SHA512]))
def test_a_full_reference_is_its_own_text(host: str, parts: list[str], tag: str | None, digest: str | None) -> None:
    image = Image(host, "/".join(parts), tag, digest)
    assert parse(str(image)) == image


@given(st.text(alphabet="abAB01:/@._-[] ", max_size=20))
def test_what_is_printed_means_the_same(text: str) -> None:
    try:
        image = parse(text)
    except ImageError:
        return
    if image.registry:
        assert parse(str(image)) == image
