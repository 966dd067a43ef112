"""The rules of the house, held by a program: floors, sizes, tables, docs, settings, words."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from kubestill.pipeline.table import DOMAINS, STAGES

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "kubestill"

LIMIT_FUNCTION_LINES, LIMIT_FILE_LINES, LIMIT_PARAMETERS = 60, 500, 5  # line length is ruff's
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "core", "misc"}
HEAVY = {
    *("torch", "transformers", "peft", "vllm", "ray", "matplotlib", "jinja2", "tokenizers", "safetensors"),
    *("llguidance", "gguf", "xllamacpp", "httpx", "rensa", "sklearn", "scipy", "pyarrow", "promql_parser"),
    *("fastapi", "starlette", "uvicorn", "h11", "prometheus_client", "openai", "mcp", "opentelemetry"),
}
# Tools know each other by their `api`, but for these (docs/decisions/0005): text comes before tensors, tensors before engines.
TOOLS_BELOW = {"modeling": ("chat", "gguf"), "engines": ("chat", "gguf", "grammar", "modeling")}
# Exceptions to a limit, "file::name". Starts empty and may only shrink.
BASELINE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Module:
    name: str  # kubestill.ground.errors
    path: Path
    tree: ast.Module
    text: str

    @property
    def room(self) -> str:
        parts = self.name.split(".")[1:]
        return parts[0] if parts else ""

    @property
    def shown(self) -> str:
        return str(self.path.relative_to(ROOT))


@cache
def modules() -> tuple[Module, ...]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(SOURCE).with_suffix("")
        parts = relative.parts[:-1] if relative.name == "__init__" else relative.parts
        text = path.read_text()
        found.append(Module(".".join(parts), path, ast.parse(text), text))
    return tuple(found)


def imports(module: Module) -> Iterator[tuple[str, int]]:
    """Every import, wherever it stands (in a function, under TYPE_CHECKING), as a dotted name with its line."""
    names = {other.name for other in modules()}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.shown}:{node.lineno}: relative import"
            for alias in node.names:  # `from kubestill.domains.cron import checks` reaches the module checks
                whole = f"{node.module}.{alias.name}"
                yield (whole if whole in names else str(node.module)), node.lineno


def may_import(importer: str, imported: str) -> bool:
    """The table "Who may import whom" of the house, for two modules of ours."""
    mine, theirs = importer.split(".")[1:], imported.split(".")[1:]
    if not theirs or mine == ["__main__"]:
        return True
    room, other = mine[0], theirs[0]
    same_inner = mine[:2] == theirs[:2]
    contract = theirs[-1] == "api"
    if room == "ground":
        return other == "ground"
    if room == "tools":
        below = theirs[1:2] and theirs[1] in TOOLS_BELOW.get(mine[1], ())
        return other == "ground" or same_inner or (other == "tools" and (contract or bool(below)))
    if room == "domains":
        seam = theirs[:2] in (["tools", "checks"], ["domains", "api"]) or theirs[:3] == ["tools", "grammar", "api"]
        return other == "ground" or seam or (other == "domains" and same_inner)
    if room == "stages":
        return other in ("ground", "tools") or theirs == ["domains", "api"] or same_inner
    if room == "serving":
        return other in ("ground", "serving") or (other == "tools" and theirs[1:2] != ["modeling"]) or theirs == ["domains", "api"]
    if room == "pipeline":  # stages and concrete domains only through the lazy tables
        return other in ("ground", "tools", "serving", "pipeline") or theirs == ["domains", "api"]
    return room == "cli" and other in ("ground", "pipeline", "serving", "cli")


def test_imports_go_down_the_floors() -> None:
    wrong = [
        f"{module.shown}:{line}: imports {name}"
        for module in modules()
        for name, line in imports(module)
        if name.partition(".")[0] == "kubestill" and module.room and not may_import(module.name, name)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("kubestill.ground.store", "kubestill.ground.errors", True),
        ("kubestill.ground.store", "kubestill.tools.checks.api", False),
        ("kubestill.tools.engines.transformers", "kubestill.tools.modeling.load", True),
        ("kubestill.tools.modeling.load", "kubestill.tools.engines.transformers", False),
        ("kubestill.tools.chat.format", "kubestill.tools.modeling.load", False),
        ("kubestill.tools.engines.fake", "kubestill.tools.checks.api", True),
        ("kubestill.domains.cron.checks", "kubestill.tools.checks.run", True),
        ("kubestill.domains.cron.checks", "kubestill.domains.kubernetes.schema", False),
        ("kubestill.domains.cron.checks", "kubestill.tools.engines.api", False),
        ("kubestill.stages.corpus.stage", "kubestill.stages.curation.stage", False),
        ("kubestill.stages.corpus.stage", "kubestill.domains.cron", False),
        ("kubestill.stages.corpus.stage", "kubestill.domains.api", True),
        ("kubestill.pipeline.plan", "kubestill.stages.corpus.stage", False),
        ("kubestill.pipeline.plan", "kubestill.cli.main", False),
        ("kubestill.cli.check", "kubestill.domains.cron", False),
        ("kubestill.cli.check", "kubestill.tools.checks.api", False),
    ],
)
def test_the_floor_rule_itself(importer: str, imported: str, allowed: bool) -> None:
    assert may_import(importer, imported) is allowed


def test_heavy_packages_are_not_imported_at_the_top_outside_their_rooms() -> None:
    engines = [f"kubestill.tools.engines.{name}" for name in ("transformers", "pretrained", "openai_http", "posting")]
    served = ("kubestill.serving.http.", "kubestill.serving.page.", "kubestill.serving.mcp")
    rooms = ("kubestill.tools.modeling.", *engines, "kubestill.stages.training.", *served)
    wrong = []
    for module in modules():
        lazily_imported = module.name.startswith(rooms) and not module.name.endswith(".stage")
        for node in module.tree.body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [str(getattr(node, "module", ""))]
            if isinstance(node, ast.Import | ast.ImportFrom) and not lazily_imported and {n.split(".")[0] for n in names} & HEAVY:
                wrong.append(f"{module.shown}:{node.lineno}: {', '.join(names)}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("command", ["import kubestill.cli.main", "import kubestill.pipeline.plan, kubestill.pipeline.run"])
def test_a_bare_import_loads_nothing_heavy(command: str) -> None:
    code = f"import json, sys; {command}; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert not {name.partition(".")[0] for name in loaded} & HEAVY
    if "cli" in command:
        assert not [name for name in loaded if name.startswith(("kubestill.stages", "kubestill.domains", "kubestill.tools"))]


def test_planning_loads_nothing_heavy() -> None:
    load = "from kubestill.pipeline.table import STAGES; [STAGES.load(name) for name in STAGES]"
    code = f"import json, sys; {load}; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert not {name.partition(".")[0] for name in loaded} & HEAVY


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_functions_and_files_are_short() -> None:
    wrong = []
    for module in modules():
        lines = module.text.count("\n")
        if lines > LIMIT_FILE_LINES and not is_data(module):
            wrong.append((module.shown, f"{module.shown}: {lines} lines"))
        for node in functions(module):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LIMIT_FUNCTION_LINES:
                wrong.append((f"{module.shown}::{node.name}", f"{module.shown}:{node.lineno}: {node.name} has {length} lines"))
    assert not [told for name, told in wrong if name not in BASELINE], "\n".join(told for _, told in wrong)


def is_data(module: Module) -> bool:
    """A table of data: no function, no class, only names given values."""
    allowed = (ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom, ast.Expr)
    return all(isinstance(node, allowed) for node in module.tree.body)


def test_functions_take_few_parameters() -> None:
    wrong = []
    for module in modules():
        for node in functions(module):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            count = len([argument for argument in arguments if argument.arg not in ("self", "cls")])
            if count > LIMIT_PARAMETERS and f"{module.shown}::{node.name}" not in BASELINE:
                wrong.append(f"{module.shown}:{node.lineno}: {node.name} takes {count}")
    assert not wrong, "\n".join(wrong)


def test_the_baseline_has_no_name_that_is_gone() -> None:
    known = {module.shown for module in modules()}
    known |= {f"{module.shown}::{node.name}" for module in modules() for node in functions(module)}
    assert known >= BASELINE


def test_forbidden_names_are_not_used_for_modules_or_folders() -> None:
    wrong = [module.name for module in modules() if set(module.name.split(".")) & FORBIDDEN_NAMES]
    assert not wrong, wrong


def test_print_and_echo_only_in_cli_and_environment_only_in_settings() -> None:
    wrong = []
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print" and module.room != "cli":
                wrong.append(f"{module.shown}:{node.lineno}: print")
            reads = isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "putenv", "environb")
            if reads and module.name != "kubestill.ground.settings":
                wrong.append(f"{module.shown}:{node.lineno}: environment variables")
    assert not wrong, "\n".join(wrong)


def test_no_broad_except_but_in_the_check_runner_and_at_the_top_of_the_command_line() -> None:
    # The third: the package tokenizers raises nothing narrower. The fourth: answers that are written together break alone.
    engines = ("kubestill.tools.engines.local", "kubestill.tools.engines.faults")
    wrong, allowed = [], ("kubestill.tools.checks.run", "kubestill.cli.main", *engines)
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler) and module.name not in allowed:
                caught = {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)} if node.type else {"everything"}
                if caught & {"Exception", "BaseException", "everything"}:
                    wrong.append(f"{module.shown}:{node.lineno}: except {', '.join(caught)}")
    assert not wrong, "\n".join(wrong)


def test_strangers_get_no_way_to_run_code() -> None:
    calls = {"eval", "exec", "compile", "__import__"}
    wrong = []
    for module in modules():
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call):
                continue
            if isinstance(node.func, ast.Name) and node.func.id in calls:
                wrong.append(f"{module.shown}:{node.lineno}: {node.func.id}()")
            for keyword in node.keywords:
                given = isinstance(keyword.value, ast.Constant) and keyword.value.value is True
                if keyword.arg in ("shell", "trust_remote_code") and given:
                    wrong.append(f"{module.shown}:{node.lineno}: {keyword.arg}=True")
        unsafe = ("pickle", "marshal", "shelve")
        wrong += [f"{module.shown}:{line}: {name}" for name, line in imports(module) if name.split(".")[0] in unsafe]
    assert not wrong, "\n".join(wrong)


def public_things(module: Module) -> Iterator[tuple[str, ast.AST]]:
    yield module.name, module.tree
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
            methods = [n for n in node.body if isinstance(n, ast.FunctionDef)] if isinstance(node, ast.ClassDef) else []
            yield from ((f"{node.name}.{method.name}", method) for method in methods if not method.name.startswith("_"))


def test_public_things_have_docstrings() -> None:
    wrong = []
    for module in modules():
        if not module.text.strip():
            continue  # an empty __init__.py
        for name, node in public_things(module):
            overriding = isinstance(node, ast.FunctionDef) and any(getattr(d, "id", "") == "override" for d in node.decorator_list)
            if not overriding and not ast.get_docstring(node):  # type: ignore[arg-type]
                wrong.append(f"{module.shown}: {name}")
    assert not wrong, "\n".join(wrong)


def test_importing_a_module_does_nothing() -> None:
    """At the top of a module: definitions, imports, names given values; no bare calls, loops or blocks with."""
    wrong = []
    for module in modules():
        for node in module.tree.body:
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if isinstance(node, ast.For | ast.While | ast.With | ast.Try) or (isinstance(node, ast.Expr) and not docstring):
                wrong.append(f"{module.shown}:{node.lineno}")
    assert not wrong, "\n".join(wrong)


def room_of(stage: str) -> str:
    """The folder that a stage lives in; stages that share one are named after what they do with it."""
    return STAGES.rows[stage].split(":")[0].split(".")[2]


def test_the_table_of_stages_is_its_folder() -> None:
    folders = {path.name for path in (PACKAGE / "stages").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {room_of(name) for name in STAGES}
    for name in STAGES:
        stage = STAGES.load(name)
        assert stage.name == name
        read = {maker for makers in stage.inputs.values() for maker in ([makers] if isinstance(makers, str) else makers)}
        assert read <= set(list(STAGES)[: list(STAGES).index(name)]), f"{name} reads a stage that comes later"


def test_the_table_of_domains_is_its_folder() -> None:
    folder = PACKAGE / "domains"
    found = {path.stem for path in folder.iterdir() if path.name not in ("__pycache__", "__init__.py", "api.py")}
    assert found == set(DOMAINS)
    assert all(DOMAINS.load(name)().name == name for name in DOMAINS)


def test_every_setting_is_read_somewhere() -> None:
    attributes: dict[str, set[str]] = {}
    for module in modules():
        attributes[module.name] = {n.attr for n in ast.walk(module.tree) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Load)}
    unread = []
    for name in STAGES:
        stage = STAGES.load(name)
        read = set().union(*(found for module, found in attributes.items() if module.startswith(f"kubestill.stages.{room_of(name)}")))
        filled = {"digest"} if name == "corpus" else set()  # it only enters the key
        for settings in (stage.what, stage.how):
            unread += [f"{settings.__name__}.{field}" for field in settings.model_fields if field not in read | filled]
    assert not unread, unread


def test_every_setting_says_what_it_is() -> None:
    silent = []
    for name in STAGES:
        stage = STAGES.load(name)
        for settings in (stage.what, stage.how):
            source = next(module for module in modules() if module.name == settings.__module__)
            told = documented_fields(source, settings.__name__)
            silent += [f"{settings.__name__}.{f}" for f, info in settings.model_fields.items() if not info.description and f not in told]
    assert not silent, silent


def documented_fields(module: Module, class_name: str) -> set[str]:
    """Fields that are followed by a string: the attribute docstrings."""
    (node,) = (n for n in module.tree.body if isinstance(n, ast.ClassDef) and n.name == class_name)
    pairs = zip(node.body, node.body[1:], strict=False)
    return {
        first.target.id
        for first, second in pairs
        if isinstance(first, ast.AnnAssign) and isinstance(first.target, ast.Name)
        if isinstance(second, ast.Expr) and isinstance(second.value, ast.Constant) and isinstance(second.value.value, str)
    }


def test_every_recipe_reads() -> None:
    from kubestill.pipeline.recipe import read_recipe

    recipes = sorted((ROOT / "recipes").glob("*.toml"))
    assert recipes
    for path in recipes:
        assert read_recipe(path).make_domain().name


def test_no_unfinished_work_is_left() -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "XX" + "X:")
    wrong = [f"{m.shown}:{n}" for m in modules() for n, line in enumerate(m.text.splitlines(), 1) if any(mark in line for mark in marks)]
    assert not wrong, wrong


def test_every_folder_of_tests_is_a_package() -> None:
    """Otherwise two rooms could not each have a test_run.py."""
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    folders |= {parent for folder in folders for parent in folder.parents if (ROOT / "tests") in (parent, *parent.parents)}
    assert not [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()]
