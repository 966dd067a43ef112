"""A diff is what git prints, and what git applies."""

import random
import shutil
import subprocess

import pytest

from kubestill.domains.kubernetes.fixes import diff

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not here")
WORDS = ["a: b\n", "c: d\r\n", "\n", "- e\n", "  f: 'g'\n"]


def git(folder, *arguments):
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=False, check=False)


@pytest.mark.parametrize("seed", range(12))
def test_git_applies_it(tmp_path, seed):
    rng = random.Random(seed)
    lines = [rng.choice(WORDS) for _ in range(rng.randrange(1, 40))]
    other = [rng.choice(WORDS) if rng.random() < 0.1 else line for line in lines if rng.random() > 0.05]
    before, after = ("".join(part)[: -1 if rng.random() < 0.3 else None] for part in (lines, other))
    (tmp_path / "a.yaml").write_bytes(before.encode())
    patch = diff("a.yaml", before, after)
    (tmp_path / "patch").write_bytes(patch.encode())
    if before == after:
        assert patch == ""
        return
    done = git(tmp_path, "apply", "--whitespace=nowarn", "patch")
    assert done.returncode == 0, done.stderr
    there = tmp_path / "a.yaml"
    assert (there.read_bytes().decode() if there.exists() else "") == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1\nb: 2\n", "a: '1'\nb: 2\n"),
        ("a: 1", "a: '1'"),
        ("a: 1\n" * 9 + "b: x\n" + "c: 1\n" * 9, "a: 1\n" * 9 + "b: y\n" + "c: 1\n" * 9),
    ],
)
def test_it_reads_as_that_of_git(tmp_path, before, after):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for folder, text in (("a", before), ("b", after)):
        (tmp_path / folder / "x.yaml").write_bytes(text.encode())
    theirs = git(tmp_path, "diff", "--no-index", "--no-color", "--no-prefix", "a/x.yaml", "b/x.yaml").stdout.decode().split("\n")
    kept = [line.partition(" @@")[0] if line.startswith("@@") else line for line in theirs if not line.startswith("index ")]
    ours = [line.partition(" @@")[0] if line.startswith("@@") else line for line in diff("x.yaml", before, after).split("\n")]
    assert ours == kept
