"""The table of fixes and its folder agree."""

import ast
from pathlib import Path

from kubestill.domains.kubernetes.answers import codes
from kubestill.domains.kubernetes.fixes import table
from kubestill.domains.kubernetes.fixes.versions import successors
from kubestill.domains.kubernetes.schema import schemas, versions

FOLDER = Path(table.__file__).parent


def test_every_fix_of_the_folder_stands_in_the_table_and_the_other_way_round():
    named = {name for names in table.FIXES.values() for name in names}
    written = set()
    for path in FOLDER.glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            fix = isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and [arg.arg for arg in node.args.args] == ["fault"]
            if fix and ast.unparse(node.returns) == "Proposal | None" and path.stem != "table":
                written.add(f"{path.stem}:{node.name}")
    assert named == written
    assert all(callable(table.load(name)) for name in named)


def test_every_code_is_one_that_a_finding_can_carry():
    assert set(table.FIXES) <= set(codes())


def test_every_successor_is_served_by_the_newest_version_and_knows_the_fields_of_its_forerunner_where_that_is_still_known():
    """The older schemas of the package are the second way: a field that is gone in the successor would have to be a mend of its own."""
    newest, oldest = schemas(), schemas(versions()[0])
    compared = 0
    for (old, kind), new in successors().items():
        assert newest.knows(new, kind), (new, kind)
        if oldest.knows(old, kind) and (was := oldest.property(old, kind, ("spec",))) is not None:
            assert set(was.keys) <= set(newest.property(new, kind, ("spec",)).keys), (old, kind)
            compared += 1
    assert compared
