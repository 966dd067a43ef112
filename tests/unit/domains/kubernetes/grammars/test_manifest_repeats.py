import pytest

from kubestill.domains.kubernetes.grammars.repeats import bans
from kubestill.domains.kubernetes.manifests import read

HEAD = "kind: ConfigMap\nmetadata:\n  name: a\n"


@pytest.mark.parametrize(
    ("text", "banned", "free"),
    [
        (HEAD + "data:\n  app: b\n  app", ":", "x:"),
        (HEAD + "data:\n  app: b\n  ", "app:", "ap:"),
        (HEAD + "data:\n  app: b", "\n  app:", "\n  name:"),
        (HEAD + "data:\n  app: b\n", "  app:", "  other:"),
        (HEAD + 'data:\n  "1": b\n  "', '1":', '2":'),
        ("items:\n- a: b\n  a", ":", "b:"),
    ],
)
def test_a_key_that_stands_may_not_stand_again(text: str, banned: str, free: str) -> None:
    assert banned in bans(text)
    assert [one for one in read(text + banned + " 1\n").findings if one.code == "K8S012"]
    assert free not in bans(text)
    assert not [one for one in read(text + free + " 1\n").findings if one.code == "K8S012"]


@pytest.mark.parametrize(
    "text", ["items:\n- a: b\n- ", "items:\n- a: b\n  c: d\n- a", HEAD + "data:\n  x: |\n    app: b\n    app", "a: b\n---\na"]
)
def test_a_new_item_a_literal_block_and_a_new_document_begin_anew(text: str) -> None:
    assert not {"a:", ":"} & set(bans(text))
