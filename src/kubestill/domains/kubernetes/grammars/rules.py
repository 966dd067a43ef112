"""From the schema of kinds to the rules of a grammar: which fields where, each once, the required ones present.

A rule's parameter is one 64-bit number (llguidance's parametric rules): bit k of the low ones says that field k of the object stands there
already, the highest six bits are the level of indentation. So a definition is written down once, whatever its depth and the style of the
lists around it. An object `x` gives three rules: `x_e` a field and what follows it, `x_m` what may follow a field, `x_v` what stands after
the key that holds the object. A list gives `x_s` (dashes at the key's column), `x_w` (two further), `x_v` and, in another list, `x_n`.

llguidance 1.9.1 does not look at the parameter when a rule is finished: all that waited for that rule at the place where it began goes on,
whatever parameter it waited with. So no rule may begin twice at one place with parameters that differ in meaning: line breaks stand in
the rules themselves, one form for each level that can be (levels.py), the two styles of a list are two rules, and a definition
that holds itself is written once for each level of nesting down to `COPIES`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kubestill.domains.kubernetes.definitions import OBJECT_META, RANGES
from kubestill.domains.kubernetes.grammars import places
from kubestill.domains.kubernetes.grammars.levels import BREAK, INNER_BREAK, LEVEL, NEVER, Levels, spread
from kubestill.domains.kubernetes.grammars.options import MAX_DEPTH
from kubestill.domains.kubernetes.intents.order import IDIOM
from kubestill.domains.kubernetes.printing import scalar
from kubestill.ground.errors import UserError

DEEPER = f"incr({LEVEL})"
BELOW = "bit_and(0xfc00000000000000)"  # forget which fields stand there, keep the level
SHALLOW = f"lt({LEVEL}, {MAX_DEPTH})"
KEYS = 58
ONE_OF, SLOT = "x-kubestill-one-of", "x-kubestill-slot"  # what the published schemas do not say: one of these fields, the format of a text
MAX_FIELDS = 12_000  # of all objects of one grammar: llguidance counts symbols in 16 bits
MAX_NESTING = 26  # of objects in objects: with wide lists between them they reach the last level that can be written
COPIES = 8  # of a definition that holds itself: below that its keys are no longer told apart by nesting
_RANK = {key: place for place, key in enumerate(IDIOM)}


@dataclass(frozen=True, slots=True)
class Shape:
    """How a kind of value is written: after its key, and as the items of a list (each without the line break before it)."""

    name: str
    after_key: str
    items: tuple[str, ...]
    step: int = 1  # from the level of its key to its own: that of an object's keys, a list's dashes, a text's lines
    nests: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """What a schema gives: rules, and what the text around them has to define: slots of scalars, and maps (name, key slot, value, levels).

    `choices` are the terminals of fields that hold one of some words, `deepest` is the deepest level of a key.
    """

    text: str
    slots: tuple[str, ...]
    maps: tuple[tuple[str, str, str, tuple[int, ...]], ...]
    choices: tuple[tuple[str, tuple[str, ...]], ...]
    deepest: int


def scalar_shape(terminal: str) -> Shape:
    """Return the shape of a value on its key's line."""
    return Shape(terminal.lower(), terminal, (f'"-" {terminal}',))


ANY = Shape("any", f"any_v::{BELOW}", ('"-" any_i::_', f'"-" any_s::{DEEPER} %if {SHALLOW}'), step=0, nests=True)
FREE = Shape("free", f"free_v::{BELOW}", (f'"-" any_inline::{DEEPER}', '"-" " {}"'), step=0, nests=True)
TEXT = Shape("text", f"text::{BELOW}", ('"-" text::_',))
ARGUMENT = Shape("argument", f"argument::{BELOW}", ('"-" argument::_',))
BYTES = Shape("bytes", f"bytes::{BELOW}", ('"-" bytes::_',))
LOOSE = Shape("loose", f"loose::{BELOW}", ('"-" loose::_',))
_BLOCKS = (TEXT, ARGUMENT, BYTES, LOOSE)  # what may also stand as a literal block
NOTHING = Shape("nothing", '" {}"', ('"-" " {}"',))


@dataclass
class Writer:
    """Walks schemas and writes the rules of what it meets, each once."""

    definitions: Mapping[str, Mapping[str, Any]]
    enums: Mapping[str, Mapping[str, Sequence[str]]]
    idiom: bool = False
    terminals: list[str] = field(default_factory=list)
    forms: dict[str, list[str]] = field(default_factory=dict)
    levels: Levels = field(default_factory=Levels)
    slots: dict[str, None] = field(default_factory=dict)
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    maps: dict[tuple[str, str], tuple[str, str, str]] = field(default_factory=dict)
    fields: int = 0
    roots: list[str] = field(default_factory=list)
    _open: dict[str, int] = field(default_factory=dict)  # definitions being written, and how often each holds itself so far
    _known: dict[Any, Shape] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def rules(self) -> Rules:
        """Return what was written."""
        reached = self.levels.reached(self.roots)
        lines = [*self.terminals]
        for name, forms in self.forms.items():
            part, _, suffix = name.rpartition("_")
            shift = {"v": -1 if f"{part}_e" in self.forms else 0, "w": 1}.get(suffix, 0)
            found = {level + shift for level in reached.get(part, ()) if level + shift >= 0}
            lines.append(spread(name, forms, found))
        maps = tuple((name, key, value, tuple(sorted(reached.get(name, ())))) for name, key, value in self.maps.values())
        return Rules("\n".join(lines) + "\n", tuple(self.slots), maps, tuple(self.choices.items()), max(map(max, reached.values())))

    def kind(self, api_version: str, kind: str, definition: str) -> str:
        """Write the rules of a whole document and return the name of its object.

        Every object but a review needs a name, or the beginning of one that the server completes; the schema does not say so.
        """
        schema = self.definitions[definition]
        group = api_version.rpartition("/")[0]
        metadata = {**self.definitions[OBJECT_META], ONE_OF: () if group in places.NAMELESS else ("name", "generateName")}
        metadata["properties"] = {**metadata["properties"], "name": {"type": "string", SLOT: places.name_slot(group, kind)}}
        fixed = {"apiVersion": {"enum": [api_version]}, "kind": {"enum": [kind]}, "metadata": metadata}
        needed = ["apiVersion", "kind", *(["metadata"] if metadata[ONE_OF] else [])]
        required = [*needed, *(name for name in schema.get("required", ()) if name not in needed)]
        whole = {**schema, "type": "object", "properties": {**schema.get("properties", {}), **fixed}, "required": required}
        self.roots.append(self._object(whole, kind, 0, definition).name)
        return self.roots[-1]

    def _name(self, wanted: str) -> str:
        name = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", wanted).lower()).strip("_")[:40] or "x"
        name = name if name[0].isalpha() else f"x{name}"
        if name in self._names:
            name = f"{name}_{len(self._names)}x"
        self._names.add(name)
        return name

    def slot(self, slot: str) -> Shape:
        """Return the shape of a slot, which the terminals' text must define."""
        self.slots[slot] = None
        return {one.name: one for one in _BLOCKS}.get(slot) or scalar_shape(slot)

    def value(self, schema: Mapping[str, Any], name: str, owner: str, depth: int) -> Shape:
        """Return the shape of a field's value; `owner` is the definition that holds the field, empty where it has no name."""
        if depth > MAX_NESTING:
            raise UserError(f"schema of {owner or name}", f"objects in objects, {depth} deep", f"at most {MAX_NESTING} can be written")
        if "$ref" in schema:
            target = str(schema["$ref"]).rsplit("/", 1)[1]
            if special := self._special(target, name):
                return special
            return self._defined(target, depth)
        options = schema.get("enum") or self._options(owner, name)
        kind = _type(schema)
        if options and kind != "array":
            return self._choice([option for option in options if option is not None])
        if schema.get("x-kubernetes-int-or-string"):
            return self.slot("loose")
        if kind == "object" or (not kind and "properties" in schema):
            return self._mapping(schema, name, owner, depth)
        if kind == "array":
            return self._list(self._item(schema, name, owner, depth))
        return self._scalar(kind, schema, name, owner)

    def _options(self, owner: str, name: str) -> Sequence[str]:
        return self.enums.get(owner, {}).get(name) or (places.words(owner, name) if self._built_in(owner) else ())

    def _defined(self, target: str, depth: int) -> Shape:
        """Return the shape of a definition; one that is being written holds itself, and gets another copy of its rules."""
        copy = min(self._open.get(target, 0), COPIES)
        if copy == COPIES:
            return self._known[target, COPIES - 1]
        if (target, copy) not in self._known:
            self._open[target] = copy + 1
            schema, short = self.definitions[target], target.rsplit(".", 1)[1]
            if _type(schema) == "object" and schema.get("properties"):
                name = self._name(short)
                self._known[target, copy] = _object_shape(name, not schema.get("required"))  # known before its fields: it may hold itself
                self._write(name, schema, target, depth - 2 * copy)
            else:
                self._known[target, copy] = self.value({**schema}, short, target, depth)
            self._open[target] = copy
        return self._known[target, copy]

    def _special(self, target: str, name: str) -> Shape | None:
        short = target.rsplit(".", 1)[1]
        if short == "IntOrString":
            return self.slot(places.either_slot(name))
        if short == "Quantity":
            return self.slot("QUANTITY")
        if short in ("JSON", "FieldsV1", "RawExtension", "Patch"):
            return ANY if short == "JSON" else FREE
        if short.startswith("JSONSchemaPropsOr"):
            return self._either_schema(target.rpartition(".")[0], short)
        return self.slot("MOMENT") if short in ("Time", "MicroTime") else None

    def _either_schema(self, package: str, short: str) -> Shape:
        """Return a schema of a schema: the published file does not say what else it may be."""
        one = self.value({"$ref": f"#/{package}.JSONSchemaProps"}, "", "", 0)
        if (short, one.name) not in self._known:
            texts = self._list(self.slot("text"))
            more = {"Bool": self.slot("BOOLEAN").after_key, "Array": NEVER, "StringArray": f"{texts.name}_s::_"}[short.split("Or")[-1]]
            name = self._name(short)
            self.forms[f"{name}_v"] = [f"{INNER_BREAK} {one.name}_e::{DEEPER}", '" {}"', more]
            self.levels.holds(name, one.name, (1,))
            self.levels.holds(name, texts.name, (0,))
            self._known[short, one.name] = Shape(name, f"{name}_v::{BELOW}", one.items, step=0, nests=True)
        return self._known[short, one.name]

    def _choice(self, options: Sequence[Any]) -> Shape:
        told = tuple(scalar(option) for option in options if not isinstance(option, dict | list))
        if not told:
            return ANY
        if told not in self._known:
            name = f"E{len(self.choices)}"
            self.choices[name] = told
            self._known[told] = scalar_shape(name)
        return self._known[told]

    def _item(self, schema: Mapping[str, Any], name: str, owner: str, depth: int) -> Shape:
        items = schema.get("items")
        if not isinstance(items, Mapping):
            return ANY
        if options := self._options(owner, name):
            return self._choice(options)
        return self.value(items, name, owner, depth + 1)

    def _list(self, item: Shape) -> Shape:
        key = ("list", item.name)
        if key not in self._known:
            name = self._name(f"{item.name} list")
            for style in ("s", "w"):
                forms = [f"{BREAK} {one}" for one in item.items]
                self.forms[f"{name}_{style}"] = [*forms, *(f"{name}_{style}::_ {one}" for one in forms)]
            self.forms[f"{name}_v"] = [f"{name}_s::_", f"{name}_w::{DEEPER}", '" []"']
            self.forms[f"{name}_n"] = [f"{name}_s::_", '" []"']
            self.levels.holds(name, item.name, (1, 2))
            self._known[key] = Shape(name, f"{name}_v::{BELOW}", (f'"-" {name}_n::{DEEPER}',), step=0, nests=True)
        return self._known[key]

    def _mapping(self, schema: Mapping[str, Any], name: str, owner: str, depth: int) -> Shape:
        """Return the shape of an object: with the fields that it lists, with keys that people choose, or with anything in it."""
        if schema.get("properties") or schema.get("x-kubernetes-embedded-resource"):
            return self._object(schema, name, depth, owner)
        more = schema.get("additionalProperties")
        if isinstance(more, Mapping) and more:
            return self._map(name, self._map_value(more, name, owner, depth))
        if more is True or more == {} or schema.get("x-kubernetes-preserve-unknown-fields"):
            return FREE
        return NOTHING

    def _map_value(self, schema: Mapping[str, Any], name: str, owner: str, depth: int) -> Shape:
        if _type(schema) == "string" and "enum" not in schema and self._built_in(owner):
            return self.slot("bytes" if schema.get("format") == "byte" else places.map_slots(name)[1])
        return self.value(schema, "", "", depth + 1)

    def _map(self, name: str, value: Shape) -> Shape:
        key_slot = "RESOURCE" if value.name == "quantity" else places.map_slots(name)[0]
        key = (key_slot, value.name)
        if key not in self.maps:
            self.slots[key_slot] = None
            self.maps[key] = (self._name(f"{key_slot} {value.name}"), key_slot, value.after_key)
            self.levels.holds(self.maps[key][0], value.name, (value.step,))
        return _object_shape(self.maps[key][0], True)

    def _object(self, schema: Mapping[str, Any], name: str, depth: int, owner: str) -> Shape:
        rule = self._name(name or "item")
        self._write(rule, schema, owner, depth)
        return _object_shape(rule, not schema.get("required"))

    def _built_in(self, owner: str) -> bool:
        return owner.startswith("io.k8s.")

    def _write(self, rule: str, schema: Mapping[str, Any], owner: str, depth: int) -> None:
        """Write the rules of an object with fields."""
        properties = dict(schema.get("properties") or {})
        needed = {name for name in schema.get("required") or () if name in properties}
        self.fields += len(properties)
        if self.fields > MAX_FIELDS:
            raise UserError(f"schema of {owner or rule}", f"more than {MAX_FIELDS} fields", "a grammar of so many cannot be compiled")
        names = sorted(properties, key=lambda name: (_RANK.get(name, len(_RANK)), name)) if self.idiom else list(properties)
        if len(names) > KEYS or not self.idiom:
            names = sorted(names, key=lambda name: (name not in needed, _RANK.get(name, len(_RANK)) if len(names) > KEYS else 0))
        shapes = [self.value(properties[name], name, owner, depth + 1) for name in names]
        more = self._more(schema, names)
        chunks = [range(start, min(start + KEYS, len(names))) for start in range(0, len(names), KEYS)]
        if len(needed) > KEYS:
            raise UserError(f"schema of {owner or rule}", f"an object that needs {len(needed)} fields", f"at most {KEYS} can be asked for")
        for shape in shapes:
            self.levels.holds(rule, shape.name, (shape.step,))
        one_of = tuple(schema.get(ONE_OF, ()))
        for number, chunk in enumerate(chunks):
            if number:
                self.levels.holds(rule, f"{rule}{number}", (0,))
            fields = [(names[place], shapes[place], names[place] in needed) for place in chunk]
            later = [f"{rule}{other}_e" for other in range(number + 1, len(chunks))]
            self._write_chunk(rule if number == 0 else f"{rule}{number}", fields, later, (more, one_of))
        self.forms[f"{rule}_v"] = [f"{INNER_BREAK} {rule}_e::{DEEPER}", *([] if needed or one_of else ['" {}"'])]

    def _more(self, schema: Mapping[str, Any], names: Sequence[str]) -> str:
        """Return the terminal of the other keys that an object takes besides those it lists, or an empty string."""
        if not schema.get("x-kubernetes-preserve-unknown-fields") and schema.get("additionalProperties") is not True:
            return ""
        terminal = f"K{len(self.terminals)}"
        self.slots["KEY"] = None
        self.terminals.append(f"{terminal}: KEY & ~({' | '.join(literal(f'{scalar(name)}:') for name in names)})")
        return terminal

    def _write_chunk(
        self, rule: str, fields: Sequence[tuple[str, Shape, bool]], later: Sequence[str], extra: tuple[str, tuple[str, ...]]
    ) -> None:
        more, one_of = extra
        if not self.idiom:  # what must be there first, then what needs no further level: conditions are ranges of bits
            fields = sorted(fields, key=lambda one: (not one[2], one[1].nests))
        needed = [place for place, one in enumerate(fields) if one[2]]
        ones = [place for place, known in enumerate(fields) if known[0] in one_of]
        one = [f"or({', '.join(f'bit_set({place})' for place in ones)})"] if ones else []
        lines = []
        for place, (name, shape, needs) in enumerate(fields):
            condition = self._condition(place, len(fields), needed)
            if self.idiom and ones and place > max(ones):
                condition = f"and({condition}, {one[0]})"
            if shape.nests and not needs and not self.idiom and self._bounded:
                condition = f"and({condition}, {SHALLOW})"
            lines.append(f"{literal(scalar(name) + ':')} {shape.after_key} {rule}_m::set_bit({place}) %if {condition}")
        if more:
            lines.append(f"{more} any_v::{BELOW} {rule}_m::_")
        needs_all = [*filter(None, [_all_set(needed, self.idiom)]), *one]
        whole = _conjunction(needs_all) if needs_all else ""
        when = f" %if {whole}" if whole else ""
        ends = [f"{one}::{BELOW}" for one in later]
        self.forms[f"{rule}_e"] = [*lines, *([] if needed else ends)]  # where nothing must stand, any part may come first
        flat = sum(one[2] or not one[1].nests for one in fields)
        further = f"{BREAK} {rule}_e::_"
        following = [f"{BREAK} {one}{when}" for one in ends]
        self.forms[f"{rule}_m"] = [further if more else f"{further} %if {self._further(flat, len(fields))}", *following, f'""{when}']

    def _condition(self, place: int, count: int, needed: Sequence[int]) -> str:
        """Return when a field may stand: it does not yet and, in idiomatic order, none after it does and all that must come before do."""
        if not self.idiom:
            return f"bit_clear({place})"
        conditions = [f"is_zeros([{place}:{count}])", *(f"bit_set({one})" for one in needed if one < place)]
        return conditions[0] if len(conditions) == 1 else _conjunction(conditions)

    def _further(self, flat: int, count: int) -> str:
        """Return when another field may come; without it a text dies where every field stands or, at the limit, only nested ones do not."""
        if self.idiom:
            return f"bit_clear({count - 1})"
        if flat == count or not self._bounded:
            return f"not(is_ones([0:{count}]))"
        nested = f"and({SHALLOW}, not(is_ones([{flat}:{count}])))"
        return f"or(not(is_ones([0:{flat}])), {nested})" if flat else nested

    @property
    def _bounded(self) -> bool:
        """Whether what is being written holds itself for the last time, so that nothing but the limit of depth ends it."""
        return max(self._open.values(), default=0) >= COPIES

    def _scalar(self, kind: str, schema: Mapping[str, Any], name: str, owner: str) -> Shape:
        if kind == "boolean":
            return self.slot("BOOLEAN")
        if kind == "integer":
            return self._integer(schema, name, owner)
        if kind == "number":
            return self.slot("NUMBER")
        if kind != "string":
            return ANY
        if SLOT in schema:
            return self.slot(schema[SLOT])
        if schema.get("format") in ("byte", "date-time"):
            return self.slot("bytes" if schema["format"] == "byte" else "MOMENT")
        return self.slot(places.text_slot(owner.rsplit(".", 1)[-1], name) if self._built_in(owner) else "text")

    def _integer(self, schema: Mapping[str, Any], name: str, owner: str) -> Shape:
        short = owner.rsplit(".", 1)[-1]
        low, high = RANGES.get(str(schema.get("format")), RANGES["int64"])
        if bounds := places.port_range(short, name, self._built_in(owner)):
            low, high = bounds
        low = max(low, _bound(schema, "minimum", "exclusiveMinimum", 1, low))
        high = min(high, _bound(schema, "maximum", "exclusiveMaximum", -1, high))
        if low > high:
            low, high = RANGES["int64"]
        return self.slot("MODE" if self._built_in(owner) and places.is_mode(name) else f"INT_{low}_{high}".replace("-", "M"))


def _object_shape(name: str, may_be_empty: bool) -> Shape:
    items = (f'"- " {name}_e::{DEEPER}', *(('"- " "{}"',) if may_be_empty else ()))
    return Shape(name, f"{name}_v::{BELOW}", items, nests=True)


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "")
    names = [kind] if isinstance(kind, str) else [one for one in kind if one != "null"]
    return str(names[0]) if names else ""


def _bound(schema: Mapping[str, Any], name: str, exclusive: str, step: int, default: int) -> int:
    """Return a bound of a whole number; OpenAPI 3.0 says with a flag that a bound is exclusive."""
    value = schema.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return int(value) + (step if schema.get(exclusive) is True else 0)


def literal(text: str) -> str:
    """Return a text as Lark spells it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _all_set(needed: Sequence[int], idiom: bool) -> str:
    """Return the condition that every required field stands; empty where none is. In any order they are the lowest bits."""
    if not needed:
        return ""
    return _conjunction([f"bit_set({one})" for one in needed]) if idiom else f"is_ones([0:{len(needed)}])"


def _conjunction(conditions: Sequence[str]) -> str:
    joined = conditions[-1]
    for one in reversed(conditions[:-1]):
        joined = f"and({one}, {joined})"
    return joined
