from datetime import date, timedelta
from pathlib import Path

import pytest

from kubestill.ground.errors import UserError
from kubestill.pipeline.lint_settings import FILE, Ignore, LintSettings, find_settings, read_settings
from kubestill.tools.checks.api import Finding, Tier

WHOLE = """
kubernetes-version = "1.34"
crd = ["crds"]
policy = ["best-practice"]
closed = true
namespaces = ["shop", "team-*"]
exclude = ["vendor/*"]

[[ignore]]
code = "K8S101"
reason = "old"
files = "legacy/*"
object = "Pod/*"
path = "metadata.*"
until = 2027-03-31
"""


def write(folder: Path, text: str) -> Path:
    path = folder / FILE
    path.write_text(text)
    return path


def test_all_that_the_documentation_names_is_read(tmp_path: Path) -> None:
    found = read_settings(write(tmp_path, WHOLE))
    assert (found.version, found.policies, found.closed) == ("1.34", ("best-practice",), True)
    assert found.definitions == (tmp_path / "crds",)
    assert found.namespaces == ("shop", "team-*")
    (ignore,) = found.ignores
    assert ignore == Ignore("K8S101", "old", "legacy/*", "Pod/*", "metadata.*", date(2027, 3, 31))
    assert found.excludes(str(tmp_path / "vendor/a/b.yaml")) and not found.excludes(str(tmp_path / "src/vendor.yaml"))


def test_the_nearest_file_is_found_but_none_above_the_clone(tmp_path: Path) -> None:
    deep = tmp_path / "clone" / "a" / "b"
    deep.mkdir(parents=True)
    assert find_settings(deep) == LintSettings() or find_settings(deep).where != deep / FILE
    (tmp_path / "clone" / ".git").mkdir()
    write(tmp_path, 'policy = ["best-practice"]')
    assert find_settings(deep) == LintSettings()
    write(tmp_path / "clone", "closed = true")
    assert find_settings(deep).closed and find_settings(deep).where == tmp_path / "clone" / FILE
    write(deep, "closed = false")
    assert not find_settings(deep).closed


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a = [", "is not TOML"),
        ('polcy = ["x"]', "did you mean 'policy'"),
        ("closed = 1", "expected true or false"),
        ("policy = [1]", "found 1, expected text"),
        ('policy = "x"', "expected a list"),
        ("ignore = [3]", "expected a table"),
        ('[[ignore]]\ncode = "K8S101"', "ignore[0].reason: is missing"),
        ('[[ignore]]\ncode = "K8S101"\nreason = " "', "reason: is missing"),
        ('[[ignore]]\nreason = "x"', "code: is missing"),
        ('[[ignore]]\ncode = "K8S101"\nreason = "x"\nuntil = "soon"', "expected a date"),
        ('[[ignore]]\ncode = "K8S101"\nreason = "x"\nfile = "a"', "did you mean 'files'"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UserError) as error:
        read_settings(write(tmp_path, text))
    assert told in str(error.value) and FILE in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_settings(tmp_path / "nowhere.toml")


def test_an_ignore_takes_its_code_and_its_place_only() -> None:
    ignore = Ignore("K8S101", "x", files="a/*", object="Pod/w*", path="spec.*")
    finding = Finding("K8S101", "spec.x", "m", Tier.RULES)
    assert ignore.about("a/b/c.yaml", "Pod/web") and ignore.takes(finding)
    assert not ignore.about("b/c.yaml", "Pod/web") and not ignore.about("a/c.yaml", "Job/web")
    assert not ignore.takes(Finding("K8S102", "spec.x", "m", Tier.RULES)) and not ignore.takes(
        Finding("K8S101", "metadata", "m", Tier.RULES)
    )
    today = date.today()
    assert not Ignore("a", "b", until=today).over and Ignore("a", "b", until=today - timedelta(1)).over and not Ignore("a", "b").over
