"""What the stages make of a small cron recipe, pinned: whoever changes it has to raise the version that enters the key.

Record anew after a deliberate change:  python tests/golden/test_digests.py
"""

import json
import sys
import tempfile
from pathlib import Path

from kubestill.ground.fingerprint import digest, files_below, fingerprint
from kubestill.ground.manifest import MANIFEST
from kubestill.ground.progress import Silent
from kubestill.ground.store import Store
from kubestill.pipeline.plan import make_plan
from kubestill.pipeline.recipe import read_recipe
from kubestill.pipeline.run import build
from kubestill.pipeline.table import STAGES

PINNED = Path(__file__).with_name("digests.json")
# Only stages whose bytes no processor's rounding can change.
EXACT = ("corpus", "synthesis", "curation")
RECIPE = """
name = "golden"
seed = 3
[domain]
name = "cron"
[sources]
crontabs = ["crontab"]
[synthesis]
procedural = 300
reverse_variants = 3
[curation]
dev_samples = 20
suite_samples = 30
[how.synthesis]
processes = 1
"""
CRONTAB = "# a comment\n0 9 * * 1-5 backup\n*/15 * * * * poll\n@daily rotate\n0 9 * * 1-5 again\nnot a line\n30 4 1,15 * * report\n"


def made(folder: Path) -> dict[str, dict[str, str]]:
    """Run the exact stages; return the key and the digest of the files of each."""
    (folder / "crontab").write_text(CRONTAB)
    (folder / "golden.toml").write_text(RECIPE)
    plan = make_plan(read_recipe(folder / "golden.toml"), Store(folder / "workspace"))
    artifacts, found = {}, {}
    for step in plan.steps[: len(EXACT)]:
        artifacts[step.stage.name] = artifact = build(plan, step, artifacts, Silent())
        files = [file for file in files_below(artifact.path) if file.name != MANIFEST]
        content = fingerprint([[str(file.relative_to(artifact.path)), digest(file)] for file in files])
        found[step.stage.name] = {"key": artifact.key, "files": content}
    return found


def test_what_is_made_changes_only_with_its_key(tmp_path: Path) -> None:
    assert tuple(STAGES)[: len(EXACT)] == EXACT
    pinned, now = json.loads(PINNED.read_text()), made(tmp_path)
    for stage in EXACT:
        if now[stage]["key"] == pinned[stage]["key"]:
            assert now[stage]["files"] == pinned[stage]["files"], f"{stage} makes other files under the same key: raise its version"
    assert now == pinned, f"a key changed on purpose? record anew: {sys.executable} {Path(__file__)}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PINNED.write_text(json.dumps(made(Path(folder)), indent=1) + "\n")
