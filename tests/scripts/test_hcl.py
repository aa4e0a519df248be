from __future__ import annotations

from conformance.scripts.hcl import parse

VAULT = """
ui = true
# storage "file" { path = "/no" }
listener "tcp" {
  address = "[::]:8200" // tls_disable = 1
  /* tls_disable
     = 1 */
}
storage "raft" {
  path = "/vault/data"
  retry_join { leader_api_addr = "https://a" }
}
"""


def test_blocks_labels_and_attributes() -> None:
    root = parse(VAULT)
    assert root.get("ui") == "true"
    (listener,) = root.all("listener", "tcp")
    assert (listener.get("address"), listener.get("tls_disable")) == ("[::]:8200", None)
    (raft,) = root.all("storage")
    assert (raft.labels, raft.get("path"), raft.attributes["path"][1]) == (("raft",), "/vault/data", 10)
    assert [each.get("leader_api_addr") for each in root.all("retry_join")] == ["https://a"]


def test_values_of_several_lines_do_not_swallow_what_follows() -> None:
    root = parse('a = [\n  "x",\n  "y"\n]\nb = "c"\nm = { k = "v" }\nd = 1\n')
    assert (root.get("b"), root.get("d")) == ("c", "1")


def test_windows_line_ends_and_unclosed_blocks() -> None:
    root = parse('resource "m" "w" {\r\n  disk = "50G"\r\n')
    assert next(root.all("resource")).get("disk") == "50G"
