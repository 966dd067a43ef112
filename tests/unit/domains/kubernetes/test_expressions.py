"""Rules in CEL with Kubernetes' functions: what they say of values, where they stand, and what is left unjudged."""

import pytest

from kubestill.domains.kubernetes.expressions import defaulted, judge, rules


def schema(*expressions, **parts):
    return {"x-kubernetes-validations": [{"rule": one} for one in expressions], **parts}


@pytest.mark.parametrize(
    ("expression", "value", "holds"),
    [
        ("self.min <= self.max", {"min": 1, "max": 2}, True),
        ("self.min <= self.max", {"min": 3, "max": 2}, False),
        ("has(self.a) != has(self.b)", {"a": "x"}, True),
        ("has(self.a) != has(self.b)", {"a": "x", "b": "y"}, False),
        ("self.all(one, one.startsWith('/'))", ["/a", "b"], False),
        ("self.exists_one(one, one.name == 'x')", [{"name": "x"}, {"name": "y"}], True),
        ("self.matches('^[a-z]+$')", "abc", True),
        ("!isIP(self)", "10.0.0.1", False),
        ("!isIP(self)", "example.com", True),
        ("isCIDR(self)", "10.0.0.0/8", True),
        ("isCIDR(self)", "10.0.0.0", False),
        ("self.split('/')[0].size() < 3", "ab/cdef", True),
        ("self.split('/', 2).size() == 2", "a/b/c", True),
        ("self.lowerAscii() == 'ab' && self.upperAscii() == 'AB'", "aB", True),
        ("self.trim().replace('a', 'b') == 'b'", " a ", True),
        ("self.substring(1) == 'bc' && self.substring(0, 1) == 'a' && self.charAt(2) == 'c'", "abc", True),
        ("self.indexOf('c') == 2 && self.lastIndexOf('a') == 3 && self.indexOf('z') == -1", "abca", True),
        ("self.indexOf(2) == 1 && self.lastIndexOf(2) == 2 && self.indexOf(9) == -1 && self.lastIndexOf(9) == -1", [1, 2, 2], True),
        ("self.isSorted() && self.sum() == 6", [1, 2, 3], True),
        ("self.isSorted()", [2, 1], False),
        ("self.join('-') == 'a-b' && self.join() == 'ab'", ["a", "b"], True),
        ("self.find('[0-9]+') == '12' && self.findAll('[0-9]').size() == 3", "a12b3", True),
        ("duration(self) <= duration('1h')", "90m", False),
    ],
)
def test_what_a_rule_says(expression, value, holds):
    said = judge(value, schema(expression))
    assert (said.judged, said.unjudged) == (1, 0) and bool(said.broken) is not holds


UNJUDGED = (
    "quantity(self.a).isLessThan(quantity('1'))",
    "url(self.a).getHost() == ''",
    "self.a__dash__b == 1",
    "self.__namespace__ == 'x'",
    "self.a +",
    "self.a",
    "self.b == 1",
)


@pytest.mark.parametrize("expression", UNJUDGED)
def test_what_needs_a_server_is_left_unjudged(expression):
    assert judge({"a": "1"}, schema(expression)) == ((), 1, 0)


@pytest.mark.parametrize("rule", [{}, "x", 5, {"message": "no expression"}])
def test_what_is_no_rule_is_left_unjudged(rule):
    assert judge({"a": 1}, {"x-kubernetes-validations": [rule]}) == ((), 1, 0)


def test_rules_about_a_change_say_nothing_of_a_new_object():
    assert judge({"a": 1}, schema("self == oldSelf", "!oldSelf.hasValue()")) == ((), 0, 0)


def test_rules_stand_at_every_depth_and_see_defaults():
    inner = schema("self.size() < 3", type="string", default="ab")
    whole = {
        "properties": {
            "items": {"items": {"properties": {"name": inner, "kind": {"default": "Service"}}, **schema("self.kind == 'Service'")}},
            "map": {"additionalProperties": inner},
            "null": {"nullable": True, **schema("false")},
        },
        **schema("has(self.items)"),
    }
    value = {"items": [{"name": "abcd"}, {"kind": "Pod"}], "map": {"k.x": "abc"}, "null": None}
    said = judge(value, whole)
    assert {path for path, _ in said.broken} == {"items[0].name", "items[1]", "map[k.x]"} and said.judged == 6
    assert defaulted(value, whole)["items"] == [{"name": "abcd", "kind": "Service"}, {"kind": "Pod", "name": "ab"}]
    assert value["items"][1] == {"kind": "Pod"}  # the object itself is left as it is
    named = {"x-kubernetes-validations": [{"rule": "false", "message": "no", "fieldPath": ".a"}]}
    assert [(rule.path, rule.message) for rule in rules({}, named, "spec")] == [("spec.a", "no")]
