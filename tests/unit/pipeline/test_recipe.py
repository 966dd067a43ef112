import tomllib
from pathlib import Path

import pytest

from kubestill.ground.errors import UserError
from kubestill.pipeline.recipe import read_recipe
from support.fake_pipeline import STAGES

pytestmark = pytest.mark.usefixtures("toy_domain")


def refused(path: Path, text: str, *overrides: str) -> str:
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_recipe(path, overrides, STAGES).make_domain()
    return str(caught.value)


HEAD = 'name = "toy"\n[domain]\nname = "toy"\n'


def test_an_unknown_setting_is_told_with_its_place_and_the_nearest_name(recipe_file: Path) -> None:
    assert refused(recipe_file, HEAD + "[numbers]\ncuont = 3\n") == f"{recipe_file}: numbers.cuont: no such setting; did you mean 'count'?"
    assert "how.thirds.proceses: no such setting; did you mean 'processes'?" in refused(recipe_file, HEAD + "[how.thirds]\nproceses = 3\n")
    assert "thrids: no such table; did you mean 'thirds'?" in refused(recipe_file, HEAD + "[thrids]\nby = 3\n")
    assert "domain.color: no such setting; did you mean 'colour'?" in refused(recipe_file, HEAD + 'color = "blue"\n')
    assert "no domain is called 'toi'; did you mean 'toy'?" in refused(recipe_file, 'name = "toy"\n[domain]\nname = "toi"\n')


def test_a_wrong_value_says_what_was_found_and_what_was_expected(recipe_file: Path) -> None:
    told = refused(recipe_file, HEAD + '[numbers]\ncount = "many"\n')
    assert "numbers.count: found 'many'" in told and "valid integer" in told
    assert "name: is missing" in refused(recipe_file, '[domain]\nname = "toy"\n')
    assert "is not TOML" in refused(recipe_file, "name = \n")
    assert "domain.colour: found 1.3; it should be a valid string" in refused(recipe_file, HEAD + "colour = 1.30\n")
    assert "found 3" in refused(recipe_file, HEAD + "", "how=3")
    assert refused(recipe_file, HEAD, "sources.pages=/a").endswith("""sources.pages: found '/a'; it should be a list, as in ["/a"]""")
    assert refused(recipe_file, HEAD, "sources.pages=3").endswith("it should be a list, as in [...]")


def test_a_recipe_that_is_not_there_names_one_that_is(recipe_file: Path) -> None:
    with pytest.raises(UserError, match=r"tyo\.toml: there is no such recipe; did you mean '.*toy\.toml'"):
        read_recipe(recipe_file.with_name("tyo.toml"), (), STAGES)


def test_a_recipe_is_found_by_its_name_and_a_wrong_one_is_told_with_those_that_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    for name in ("recipes/toy.toml", "recipes/other.toml", "pyproject.toml"):
        (tmp_path / name).write_text(HEAD)
    (tmp_path / "toy").mkdir()  # a folder is no recipe
    assert read_recipe(Path("toy"), (), STAGES).path == Path("recipes/toy.toml")
    for given, told in (
        ("tyo", r"tyo: there is no such recipe; did you mean 'toy'"),
        ("nothing", r"there are: recipes/other\.toml, recipes/toy\.toml$"),
        ("tyo.toml", r"tyo\.toml: there is no such recipe; did you mean 'toy'"),
        ("recipes/tyo.toml", r"did you mean 'recipes/toy\.toml'"),
    ):
        with pytest.raises(UserError, match=told):
            read_recipe(Path(given), (), STAGES)


def test_overrides_are_laid_over_the_file_and_the_file_over_what_it_extends(tmp_path: Path) -> None:
    (tmp_path / "below.toml").write_text(HEAD + "[numbers]\ncount = 1\n[thirds]\nby = 9\n")
    above = tmp_path / "above.toml"
    above.write_text('extends = "below.toml"\nname = "above"\n[numbers]\ncount = 2\n')
    recipe = read_recipe(above, ["how.thirds.processes=4", "domain.colour=green"], STAGES)
    assert recipe.name == "above"
    assert recipe.what["numbers"].count == 2  # type: ignore[attr-defined]
    assert recipe.what["thirds"].by == 9  # type: ignore[attr-defined]
    assert recipe.how["thirds"].processes == 4  # type: ignore[attr-defined]
    assert recipe.domain.options == {"colour": "green"}


def test_only_one_level_is_extended(tmp_path: Path) -> None:
    for name, below in (("a", "b"), ("b", "c")):
        (tmp_path / f"{name}.toml").write_text(f'extends = "{below}.toml"\n' + HEAD)
    (tmp_path / "c.toml").write_text(HEAD)
    with pytest.raises(UserError, match="one level"):
        read_recipe(tmp_path / "a.toml", (), STAGES)


@pytest.mark.parametrize("override", ["numbers.count", "=3", "numbers..count=3"])
def test_an_override_without_name_or_value_is_refused(recipe_file: Path, override: str) -> None:
    with pytest.raises(UserError, match="--set"):
        read_recipe(recipe_file, [override], STAGES)


def test_a_missing_source_stops_the_run_unless_it_is_optional(recipe_file: Path) -> None:
    assert "there is no 'gone.jsonl'" in refused(recipe_file, HEAD + '[sources]\nmanifests = ["gone.jsonl"]\n')
    recipe_file.write_text(HEAD + '[sources]\nmanifests = ["?gone.jsonl", "toy.toml"]\n')
    found = read_recipe(recipe_file, (), STAGES).sources
    assert [source.path for source in found] == [None, recipe_file.resolve()]


def test_sources_are_found_beside_the_recipe_that_named_them(tmp_path: Path) -> None:
    below = tmp_path / "below" / "below.toml"
    below.parent.mkdir()
    below.write_text(HEAD + '[sources]\nmanifests = ["data.jsonl"]\n')
    (below.parent / "data.jsonl").touch()
    above = tmp_path / "above.toml"
    above.write_text('extends = "below/below.toml"\n')
    assert read_recipe(above, (), STAGES).sources[0].path == below.parent.resolve() / "data.jsonl"


def test_the_resolved_recipe_reads_back_as_itself(recipe_file: Path, tmp_path: Path) -> None:
    recipe_file.write_text(HEAD + 'colour = "dark \\"blue\\"\\n"\n[sources]\nmanifests = ["?gone", "toy.toml"]\n')
    recipe = read_recipe(recipe_file, (), STAGES)
    again = tmp_path / "elsewhere" / "recipe.toml"
    again.parent.mkdir()
    again.write_text(recipe.text)
    reread = read_recipe(again, (), STAGES)
    assert reread.text == recipe.text
    assert tomllib.loads(recipe.text)["domain"]["colour"] == 'dark "blue"\n'
    assert reread.sources[1].path == recipe.sources[1].path


def test_what_the_pipeline_fills_in_cannot_be_set_by_hand(recipe_file: Path) -> None:
    assert "[sources]" in refused(recipe_file, HEAD + '[numbers]\ndigest = "abc"\n')
