"""A recipe: a TOML file that says what to build. Checked against the settings of every stage before anything runs."""

import inspect
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from kubestill.ground.errors import UserError, near
from kubestill.ground.registry import Table
from kubestill.ground.stage import How, Stage, What
from kubestill.pipeline.table import DOMAINS, STAGES
from kubestill.pipeline.toml import to_toml


class DomainChoice(BaseModel):
    """The table [domain]: a name, and options that the domain's factory takes."""

    model_config = ConfigDict(frozen=True, extra="allow")
    name: str

    @property
    def options(self) -> dict[str, Any]:
        """Return what the factory is called with."""
        return dict(self.model_extra or {})


FOLDER = Path("recipes")  # where a name is looked for, from the present folder
LABELS = "labels"  # of any domain: what documents are worth, in the shape that stages/corpus reads


@dataclass(frozen=True)
class Source:
    """A source as found: `form` is its name in the table [sources]; `path` is None where an optional one is not there."""

    form: str
    spelling: str
    path: Path | None


@dataclass(frozen=True)
class Recipe:
    """A checked recipe with every default filled in."""

    path: Path
    name: str
    seed: int
    domain: DomainChoice
    sources: tuple[Source, ...]
    stages: Mapping[str, Stage]
    what: Mapping[str, What]
    how: Mapping[str, How]

    @property
    def text(self) -> str:
        """The resolved recipe as TOML: it can be run again from anywhere, since sources are absolute."""
        spelled: dict[str, list[str]] = {}
        for source in self.sources:
            found = f"{'?' * source.spelling.startswith('?')}{source.path or source.spelling[1:]}"
            spelled.setdefault(source.form, []).append(found)
        data: dict[str, Any] = {"name": self.name, "seed": self.seed, "domain": self.domain.model_dump()}
        data["sources"] = spelled
        for name, what in self.what.items():
            data[name] = what.model_dump(mode="json", exclude=set(FILLED) if takes_sources(what) else None)
        data["how"] = {name: how.model_dump(mode="json") for name, how in self.how.items()}
        return to_toml(data)

    def make_domain(self) -> Any:
        """Return the domain, made with the options of the table [domain].

        Raises:
            UserError: no such domain, or it takes no such option, or reads no sources of a form.
        """
        factory = DOMAINS.load(self.domain.name, f"{self.path}: domain.name")
        known = inspect.signature(factory).parameters
        for option, value in self.domain.options.items():
            where = f"{self.path}: domain.{option}"
            if option not in known:
                raise UserError(where, "no such setting", near(option, known) or _listed(list(known)))
            try:  # strict: the number 1.30 is not the version "1.30"
                TypeAdapter(known[option].annotation).validate_python(value, strict=True)
            except ValidationError as error:
                raise UserError(where, f"found {value!r}", _expected(error.errors()[0]["msg"])) from error
        domain = factory(**self.domain.options)
        forms = (*domain.forms(), LABELS)
        for source in self.sources:
            if source.form not in forms:
                raise UserError(f"{self.path}: sources.{source.form}", "no such setting", near(source.form, forms) or _listed(forms))
        return domain


def find_recipe(given: Path) -> Path:
    """Return the file of a recipe that is given by its path, or by its name in `recipes` below the present folder."""
    named = FOLDER / f"{given}.toml"
    return named if not given.is_file() and named.is_file() else given


def read_recipe(path: Path, overrides: Sequence[str] = (), stages: Table = STAGES) -> Recipe:
    """Read the recipe at `path` (or of that name), lay it over the one that it extends, apply `--set` overrides, check all of it.

    Raises:
        UserError: no such file, not TOML, an unknown or wrong setting, a missing source.
    """
    path = find_recipe(path)
    data = _read_toml(path)
    folders = [path.parent, Path()]
    if "extends" in data:
        parent = path.parent / str(data.pop("extends"))
        below = _read_toml(parent)
        if "extends" in below:
            raise UserError(f"{path}: extends", f"{parent} itself extends another recipe", "one level is allowed: extend that one")
        data = _laid_over(below, data)
        folders.insert(1, parent.parent)
    for override in overrides:
        data = _laid_over(data, _override(override))
    loaded = {name: stages.load(name) for name in stages}
    checked = _checked(path, data, loaded)
    sources = tuple(_found(path, form, spelling, folders) for form, given in checked.sources.items() for spelling in given)
    what = {name: getattr(checked, name) for name in loaded}
    for name, settings in what.items():
        if takes_sources(settings) and settings.model_fields_set & set(FILLED):
            raise UserError(f"{path}: {name}", f"{' and '.join(FILLED)} are not set by hand", "name the paths in the table [sources]")
    how = {name: getattr(checked.how, name) for name in loaded}
    return Recipe(path, checked.name, checked.seed, checked.domain, sources, loaded, what, how)


FILLED = ("sources", "digest")


def takes_sources(what: What) -> bool:
    """Say whether the stage reads the sources: its `sources` and `digest` are filled from the table [sources]."""
    return all(name in type(what).model_fields for name in FILLED)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(str(path), "there is no such recipe", _recipes_like(path)) from error
    except IsADirectoryError as error:
        raise UserError(str(path), "is a folder", "give the path of a .toml file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(str(path), f"is not TOML: {error}", "see https://toml.io") from error


def _recipes_like(given: Path) -> str:
    """Say which recipe may have been meant: by its path, or by its name in `recipes`."""
    named, folders = [file.stem for file in sorted(FOLDER.glob("*.toml"))], dict.fromkeys((given.parent, FOLDER))
    here = [str(file) for folder in folders for file in sorted(folder.glob("*.toml")) if file.name != "pyproject.toml"]
    return (
        near(str(given), here) or near(given.stem, named) or (f"there are: {', '.join(here)}" if here else "give the path of a .toml file")
    )


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return `below` with the values of `above` laid over it, table by table; lists are replaced, not joined."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _laid_over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _override(text: str) -> dict[str, Any]:
    """Read `training.learning_rate=1e-3`; a value that is no TOML is taken as text."""
    name, equals, spelled = text.partition("=")
    if not equals or not all(part.strip() for part in name.split(".")):
        raise UserError("--set", f"found {text!r}", "expected table.setting=value, as in training.learning_rate=1e-3")
    try:
        value = tomllib.loads(f"value = {spelled}")["value"]
    except tomllib.TOMLDecodeError:
        value = spelled
    for part in reversed([part.strip() for part in name.split(".")]):
        value = {part: value}
    return dict(value)


def _checked(path: Path, data: dict[str, Any], stages: Mapping[str, Stage]) -> Any:
    forbid = ConfigDict(frozen=True, extra="forbid")
    hows: dict[str, Any] = {name: (stage.how, ...) for name, stage in stages.items()}
    fields: dict[str, Any] = {name: (stage.what, ...) for name, stage in stages.items()}
    fields |= {
        "name": (str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")),
        "seed": (int, Field(default=0, ge=0)),
        "domain": (DomainChoice, ...),
        "sources": (dict[str, tuple[str, ...]], {}),  # paths by form; one that begins with "?" may be missing
        "how": (create_model("Hows", __config__=forbid, **hows), ...),
    }
    model: type[BaseModel] = create_model("RecipeFile", __config__=forbid, **fields)
    # A stage without a table of its own runs with its defaults.
    filled = {**{name: {} for name in stages}, "how": {}, **data}
    if isinstance(filled["how"], dict):
        filled["how"] = {**{name: {} for name in stages}, **filled["how"]}
    try:
        return model.model_validate(filled)
    except ValidationError as error:
        raise _user_error(path, model, error) from error


def _user_error(path: Path, model: type[BaseModel], error: ValidationError) -> UserError:
    """Say the first thing that is wrong, with its place and the nearest known name."""
    first = error.errors()[0]
    loc = [str(part) for part in first["loc"]]
    where = f"{path}: {'.'.join(loc)}"
    if first["type"] == "extra_forbidden":
        known = _names_at(model, loc[:-1])
        kind = "table" if isinstance(first["input"], dict) else "setting"
        return UserError(where, f"no such {kind}", near(loc[-1], known) or _listed(known))
    if first["type"] == "missing":
        return UserError(where, "is missing", "the recipe must give it")
    if first["type"] == "tuple_type":
        item = json.dumps(first["input"]) if isinstance(first["input"], str) else "..."
        return UserError(where, f"found {first['input']!r}", f"it should be a list, as in [{item}]")
    return UserError(where, f"found {first['input']!r}", _expected(first["msg"]))


def _expected(message: str) -> str:
    """Turn pydantic's "Input should be ..." into the end of a sentence."""
    return (message[:1].lower() + message[1:]).replace("input should", "it should")


def _names_at(model: type[BaseModel], loc: Sequence[str]) -> list[str]:
    """Return the names of the settings of the table at `loc`."""
    for part in loc:
        field = model.model_fields.get(part)
        if field is None or not (inspect.isclass(field.annotation) and issubclass(field.annotation, BaseModel)):
            return []
        model = field.annotation
    return list(model.model_fields)


def _listed(known: Sequence[str]) -> str:
    return f"known: {', '.join(known)}" if known else "it takes none"


def _found(path: Path, form: str, spelling: str, folders: Sequence[Path]) -> Source:
    """Find a source: beside the recipe, beside the one it extends, or from the present folder."""
    optional, name = spelling.startswith("?"), spelling.removeprefix("?")
    for folder in folders:
        candidate = folder / Path(name).expanduser()
        if name and candidate.exists():
            return Source(form, spelling, candidate.resolve())
    if optional:
        return Source(form, spelling, None)
    looked = " or ".join(dict.fromkeys(str(folder.resolve()) for folder in folders))
    raise UserError(
        f"{path}: sources.{form}", f"there is no {name!r} in {looked}", "mend the path, or begin it with '?' to make it optional"
    )
