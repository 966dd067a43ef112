"""Hostile text ends in findings, in little memory, and spoils nothing else. The faults that fuzzing found stand here, too."""

import json
import os
import sys
from itertools import islice
from pathlib import Path

import pytest

from fuzz.hostile import CASES, HEAD, JSON, measure
from kubestill.domains.kubernetes import manifests, scalars
from kubestill.domains.kubernetes.answers import check_text
from kubestill.domains.kubernetes.kubectl.canonical import canonical
from kubestill.domains.kubernetes.kubectl.check import check_command
from kubestill.domains.kubernetes.kubectl.parse import parse
from kubestill.domains.kubernetes.manifests import MAX_FINDINGS, read, readings
from kubestill.tools.checks.api import Outcome

JUDGED_BYTES = 300_000  # of a text that is judged as a whole here, and not only read
MOST_MEBIBYTES = 200
LARGEST = [
    "a 10 MB scalar",
    "a list of 240,000 items",
    "a mapping of 120,000 keys",
    "billion laughs, text",
    "1,000,000 deep, flow, not closed",
]


def spots(text: str | bytes) -> list[tuple[str, int, int]]:
    return [(finding.code, finding.line, finding.column) for finding in read(text).findings]


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_text_has_the_findings_it_should_and_no_others(name: str):
    text = CASES[name].make()
    reading = read(text)
    assert {finding.code for finding in reading.findings} == CASES[name].codes
    assert len(reading.findings) <= MAX_FINDINGS + 1
    assert all(len(finding.message) < 300 for finding in reading.findings)
    if len(text) <= JUDGED_BYTES:
        for judged in check_text(text, "a.yaml"):
            assert Outcome.ERROR not in {result.outcome for result in judged.verdict.results}, judged


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("name", LARGEST)
def test_a_hostile_file_costs_little_memory_and_never_a_traceback(name: str, tmp_path: Path):
    (tmp_path / "a.yaml").write_bytes(CASES[name].make())
    seen = measure(str(tmp_path))
    assert seen.status in ("0", "1") and 0 < seen.mebibytes < MOST_MEBIBYTES, seen


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_a_folder_of_what_is_no_file_is_checked_without_a_wait(tmp_path: Path):
    (tmp_path / "a.yaml").write_text(HEAD)
    os.mkfifo(tmp_path / "fifo.yaml")
    for name, target in {
        "loop.yaml": "loop.yaml",
        "gone.yaml": "nothing",
        "zero.yaml": "/dev/zero",
        "memory.json": "/proc/self/mem",
    }.items():
        (tmp_path / name).symlink_to(target)
    seen = measure(str(tmp_path))
    assert seen.status == "1" and seen.told == "6 documents: 1 passed, 0 failed, 3 skipped, 2 could not be checked", seen
    for path in (tmp_path / "fifo.yaml", Path("/dev/zero"), tmp_path / "loop.yaml"):
        assert measure(str(path)).status == "2"


def test_text_that_is_not_utf_8_spoils_one_document_only():
    reading = read(f"{HEAD}---\n".encode() + b"a: 1\nb: \xc3\xa9 \xff\n---\n" + HEAD.encode())
    assert len(reading.manifests) == 2 and [one.line for one in reading.manifests] == [1, 9]
    assert [(finding.code, finding.line, finding.column) for finding in reading.findings] == [("K8S011", 7, 6)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32"])
def test_other_encodings_are_named(encoding: str):
    mark = "" if encoding in ("utf-16", "utf-32") else "\ufeff"
    [finding] = read((mark + HEAD).encode(encoding)).findings
    assert finding.code == "K8S011" and ("UTF-16" in finding.message or encoding == "utf-32")


def test_a_byte_order_mark_may_stand_where_files_were_joined():
    reading = read(f"\ufeff{HEAD}---\n\ufeff{HEAD}".encode())
    assert len(reading.manifests) == 2 and not reading.findings


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them(end: str):
    text = f"---\n{HEAD}---\n# x\na: 1\na: 2\n---\nb: [\n".replace("\n", end)
    assert [one.line for one in read(text).manifests] == [2, 8]
    assert spots(text) == [("K8S012", 9, 1), ("K8S010", 11, 1)]


def test_what_only_yaml_takes_for_the_end_of_a_line_is_not_counted():
    """An editor shows `a: 2` on line 5; YAML 1.1 has ended three lines more by then."""
    text = f'{HEAD}t: "x\u2028 \u2029 \x85 y"\nt: 2\n---\nb: "\u2028" : 1\n'
    assert spots(text)[0] == ("K8S012", 6, 1) and spots(text)[1][:2] == ("K8S010", 8)
    [manifest] = read(text).manifests
    assert manifest.place("metadata.name") == (4, 3) and manifest.place("t")[0] in (5, 6)


def test_half_of_a_surrogate_pair_is_read_as_go_reads_it_and_can_be_written():
    """encoding/json: "invalid UTF-8 or invalid UTF-16 surrogate pairs are replaced by U+FFFD"."""
    value = read(r'{"a": ["\ud83d\ude00", "\ud800", "\udc00x"], "\ud800": 1}').manifests[0].object
    assert value == {"a": ["\U0001f600", "\ufffd", "\ufffdx"], "\ufffd": 1}
    assert json.dumps(value, ensure_ascii=False).encode()


def test_json_numbers_are_gos():
    """YAML makes a string of what no float holds, JSON an error."""
    assert spots(JSON % "[1,\n 1e999]") == [("K8S015", 2, 2)]
    assert spots(JSON % ("9" * 5000)) == [("K8S015", 1, JSON.index("%s") + 1)]
    value = read(JSON % "[12345678901234567890123, 18446744073709551615, -0, 1e2]").manifests[0].object["data"]["a"]
    assert value == [1.2345678901234568e22, 2**64 - 1, 0, 100] and isinstance(value[0], float)
    assert read("a: 1e999\n").manifests[0].object == {"a": "1e999"}


def test_brackets_within_strings_of_json_do_not_make_it_deep():
    text = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": '\\"[' * 300}}, indent="\t")
    assert not spots(text) and read(text).manifests[0].object == json.loads(text)  # tabs: only JSON has them


def test_items_of_a_list_share_what_is_known_of_their_text(monkeypatch: pytest.MonkeyPatch):
    """Each once looked for its place in the whole text: 100,000 items took hours."""
    made = []

    def parser(text: str):
        made.append(text)
        return original(text)

    original = manifests.PARSER
    monkeypatch.setattr(manifests, "PARSER", parser)
    monkeypatch.setattr(manifests, "_quick", None)
    items = read("apiVersion: v1\nkind: List\nitems:\n" + "- kind: A\n  n: 1\n" * 500).manifests
    assert [item.place("n") for item in items] == [(5 + 2 * number, 3) for number in range(500)]
    assert len(items) == 500 and len(made) == 2


def test_long_numbers_are_not_kept():
    """The cache of numbers held up to 4,096 texts of megabytes."""
    before = scalars._known_number.cache_info().currsize
    for number in range(50):
        assert scalars.number(f"{number}" + "9" * 400) == f"{number}" + "9" * 400
    assert scalars._known_number.cache_info().currsize == before


def test_documents_are_read_one_by_one(monkeypatch: pytest.MonkeyPatch):
    """What follows is not touched until it is asked for, so memory does not grow with the number of documents."""
    made = 0

    def parser(text: str):
        nonlocal made
        made += 1
        return original(text)

    original = manifests.PARSER
    monkeypatch.setattr(manifests, "PARSER", parser)
    monkeypatch.setattr(manifests, "_quick", None)
    parts = list(islice(readings(f"{HEAD}---\n".encode() * 1000), 3))
    assert made == 3 and [part.manifests[0].line for part in parts] == [1, 6, 11]
    text = f"{HEAD}---\n{HEAD}---\na: [\n---\n- 1\n"
    assert sum((part.findings for part in readings(text)), ()) == read(text).findings


def test_empty_documents_cost_no_parser(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(manifests, "PARSER", lambda text: pytest.fail(f"{text!r} is read"))
    assert list(readings("---\n" * 1000 + "--- \n\n---\r\n---\n\n\n---")) == []


def test_a_part_of_a_file_has_the_lines_of_the_file():
    whole = f"{HEAD}---\na: 1\na: 2\n---\n- 1\n---\nb: \x07\n"
    cut = len(f"{HEAD}")
    parts = read(whole[cut:].encode(), before=4)
    assert parts.findings == read(whole).findings and parts.lists == read(whole).lists == (9,)


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("kubectl get pods/ 'a b'", None),
        ("kubectl delete widget ''", "kubectl delete widget/"),
        ("kubectl exec 'a b' -- sh", "kubectl exec 'pods/a b' -- sh"),
        ("kubectl get pods <<<m", "kubectl get pods <<<m"),  # a here-string has no body
        ("kubectl logs a > >(tee b)", "kubectl logs pods/a > >(tee b)"),
        ("kubectl apply -f - <<\"a'b\"\nx\na'b\n", None),
        ("kubectl set image x= a k", "kubectl set image x= a k"),  # a fault keeps its order
        ("kubectl taint nodes a e= O", "kubectl taint nodes a e= O"),
        ("kubectl config rename-context -- --as-group -", "kubectl config rename-context -- --as-group -"),
        ("kubectl help -- help -d", None),
        ("kubectl set env -- --", None),
        ("kubectl wait -- t --", "kubectl wait t/--"),
        ("kubectl debug $f\\o", "kubectl debug pods/$f\\o"),
        ("kubectl get $KIND b a", "kubectl get $KIND a b"),
        ('kubectl get "$KIND" b "$A B"', None),
        ("kubectl get pods -n'$a'$b", "kubectl get pods --namespace='$a'$b"),
        ('kubectl get pods "-n$a b"', 'kubectl get pods --namespace="$a b"'),
        ("kubectl create clusterrole --aggregation-rule <( )", "kubectl create clusterrole --aggregation-rule=<( )"),
        ("kubectl get pods -l '$a' -l $b", None),
        ('kubectl get pods -o go-template --template="{{.$a b}}"', None),
        ("e=' ' kubectl get pods", "e=' ' kubectl get pods"),
        ('E="$x y" kubectl get pods', 'E="$x y" kubectl get pods'),
        ("kubectl&'\\'<m>'}'", None),
        ("kubectl\n|5", "kubectl\n|5"),
        ("kubectl label widgets = a=b", "kubectl label widgets = a=b"),
        ("kubectl patch --as $s --as -", "kubectl patch --as $s --as -"),
        ("kubectl get pods --as=a --as-group=t --as-group=", None),
        ("kubectl get pods --as-group=t --as-group=", None),
        ("kubectl attach a$! s", "kubectl attach a$! s"),
        ("kubectl debug a -t$MORE", "kubectl debug a -t$MORE"),
        ("kubectl delete pod a --$NAME", "kubectl delete pod a --$NAME"),
        ("kubectl\x1f\ufffd", None),
        ("kubectl cp a <b\t<c\td>", None),  # a blank instead of the tab would make a placeholder
        ("kubectl create pdb a --selector===", None),
    ],
)
def test_a_command_has_one_spelling_that_says_the_same(text: str, spelling: str | None):
    """Found by fuzzing: each was spelled as something else, or again otherwise."""
    found = canonical(text)
    assert canonical(found) == found and (spelling is None or found == spelling)
    assert check_command(found).passed == check_command(text).passed
    assert parse(found).effects == parse(text).effects


@pytest.mark.parametrize(
    "text", ["create quota a --hard=a=" + "1x" * 5000, "label po a b=" + "x" * 5000, "run a --image=b -l a=" + "x" * 5000]
)
def test_a_message_quotes_no_more_than_it_needs(text: str):
    found = check_command(f"kubectl {text}").findings
    assert found and all(len(finding.message) < 400 for finding in found)


def test_words_before_the_dashes_are_no_command():
    """cmd/exec/exec.go takes what stands after `--`, and validates that there is something."""
    assert "K8S411" in {finding.code for finding in check_command("kubectl exec a b --").findings}


@pytest.mark.parametrize("text", ["kubectl get pods ''", "kubectl delete widget a ''", "kubectl exec '' -- sh", "kubectl cordon ''"])
def test_an_empty_name_is_refused_as_client_go_does(text: str):
    assert "K8S414" in {finding.code for finding in check_command(text).findings}
    assert check_command(text.replace("''", "$NAME")).passed
