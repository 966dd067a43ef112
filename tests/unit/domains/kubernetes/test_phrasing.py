"""Tables of phrase parts and what is composed from them."""

import re
from random import Random

import pytest

from kubestill.domains.api import HELD, TRAIN, Intent
from kubestill.domains.kubernetes.drawing.draw import draw_intents
from kubestill.domains.kubernetes.phrasing.clauses import clauses
from kubestill.domains.kubernetes.phrasing.compose import compose, of_the_thing
from kubestill.domains.kubernetes.phrasing.finish import tidy
from kubestill.domains.kubernetes.phrasing.lines import EVERY, FEWEST, HELD_SHARE, count, expand, parse, tables
from kubestill.domains.kubernetes.phrasing.request import Request
from kubestill.domains.kubernetes.phrasing.style import ARROW, COLON, EQUALS, FIGURE, FLAG, LOOSE, PATH, QUOTED, VERB, WORDS, sort_of
from kubestill.domains.kubernetes.phrasing.values import memory_text
from kubestill.domains.kubernetes.skills.manifest.parts import parts
from kubestill.ground.seeds import Seed, stable_hash

COMPOSED = 500


@pytest.fixture(scope="module")
def composed():
    """Requests of both parts."""
    found = {}
    for part in (TRAIN, HELD):
        rngs = [Seed(77).rng(part, number) for number in range(COMPOSED)]
        found[part] = [compose(draw_intents(rng, part), rng, part) for rng in rngs]
    return found


def all_expansions(line):
    """Every text that a line stands for: the innermost bracket is written out until none is left."""
    match = re.search(r"\(([^()\[\]]*)\)|\[([^()\[\]]*)\]", line)
    if match is None:
        return {line}
    choices = match[1].split("|") if match[1] is not None else [*match[2].split("|"), ""]
    return {text for choice in choices for text in all_expansions(line[: match.start()] + choice + line[match.end() :])}


LINES = ["a", "", "a (b|c)", "[a ]b", "[a|b] c", "(a|b) (c|d) [e]", "x (a [b] c|d (e|f)) y", "((a|b)|c)", "[a [b [c]]]", "{v} (of|on) {k}"]


@pytest.mark.parametrize("line", LINES)
def test_a_line_stands_for_what_writing_it_out_gives(line):
    wanted = all_expansions(line)
    assert count(parse(line)) == len(wanted)
    rng = Random(3)
    assert {expand(parse(line), rng) for _ in range(400)} == wanted


@pytest.mark.parametrize("line", ["(a", "a)", "[a", "a]", "(a]", "[a)", "(a|b", "((a)", "[(a])"])
def test_brackets_that_do_not_match_are_refused(line):
    with pytest.raises(ValueError, match="phrase line"):
        parse(line)


def test_every_line_of_every_table_can_be_read():
    rng, total = Random(1), 0
    for name, table in tables().items():
        lines = table.lines(EVERY)
        assert lines, name
        for line in lines:
            tree = parse(line)
            written = all_expansions(line) if count(tree) <= 64 else ()
            if written:
                # Two ways to say the same ([a] [a]) are rare, and only make it likelier.
                assert len(written) <= count(tree) <= 2 * len(written), line
            text = expand(tree, rng)
            assert not re.search(r"[()\[\]]", text) and re.sub(r"\{\w*\}", "", text).count("{") == 0, line
            total += count(tree)
    assert total > 20_000


def test_no_line_may_leave_a_value_out():
    """What stands in square brackets may be left out, and a value with it that is asked for all the same."""
    left_out = [(name, line) for name, table in tables().items() for line in table.lines(EVERY) if re.search(r"\[[^\[\]]*\{", line)]
    assert not left_out


def test_a_fifth_of_the_lines_is_held_out_and_no_line_is_in_both_parts():
    long = {name: table for name, table in tables().items() if len(table.lines(EVERY)) >= FEWEST}
    for name, table in long.items():
        assert table.train and table.held and not set(table.train) & set(table.held), name
    held, every = sum(len(table.held) for table in long.values()), sum(len(table.lines(EVERY)) for table in long.values())
    assert every > 3_000 and abs(held / every - HELD_SHARE) < 0.04


def test_a_request_holds_nothing_of_its_making(composed):
    for one in [one for part in composed.values() for one in part]:
        values = [str(part) for intent in (*one.said, *one.unsaid) for part in (*intent.keys, intent.value)]
        text = re.sub(r"(selector\W{0,4})\{\}", r"\1", one.text, flags=re.IGNORECASE)  # `podSelector: {}`
        assert not any("{" in value for value in values)
        assert not re.search(r"[{}\ue000-\uf8ff⟨⟩‹›]|\(\)|\[\]", text), one.text
        assert one.text == one.text.strip()


def test_every_intent_is_said_or_left_out_by_name(composed):
    unsaid = 0
    for part in (TRAIN, HELD):
        for number, one in enumerate(composed[part]):
            intents = draw_intents(Seed(77).rng(part, number), part)
            assert sorted(map(str, (*one.said, *one.unsaid))) == sorted(map(str, intents))
            assert one.forms and one.said[0].aspect == "kind"
            unsaid += len(one.unsaid)
    assert unsaid < 0.01 * COMPOSED


def test_training_and_evaluation_share_no_form_but_the_names_of_kinds(composed):
    forms = {part: {form for one in ones for form in one.forms if not form.startswith("kinds/")} for part, ones in composed.items()}
    assert min(map(len, forms.values())) > 400
    assert not forms[TRAIN] & forms[HELD], sorted(forms[TRAIN] & forms[HELD])[:10]


# What claims an order, or that something was said before: true of steps alone.
SEQUEL = re.compile(
    r"\b(also|then|next|finally|lastly|last|furthermore|moreover|besides|additionally|in addition|followed|afterwards|after that|another|"
    r"one more|on top of|forgot|forget|too|as always)\b"
)
JOINTS = "with_links sentence_np sentence_vp and_joins terse_joins terse_words bullet_marks ticket_titles ticket_intros".split()


def test_no_joint_claims_a_sequel_but_those_of_steps():
    for name in JOINTS:
        assert not [line for line in tables()[f"frames/{name}"].lines(EVERY) if SEQUEL.search(line.lower())], name
    for name, table in parts().items():
        if re.search(r"manners\.(?!steps)\w+/(more|more_np|body)$|wish/and$|ask/(and|then)$", name):
            bad = [line for line in table.lines(EVERY) if SEQUEL.search(line)]
            assert len(bad) <= (2 if name.startswith("manifest.edits") or "slavic" in name else 0), (name, bad)


def test_every_frame_has_the_one_place_that_is_filled_in():
    places = {
        "with_links": "{clauses}",
        "sentence_np": "{np}",
        "sentence_vp": "{vp}",
        "ticket_titles": "{head}",
    }
    for name, place in places.items():
        for line in tables()[f"frames/{name}"].lines(EVERY):
            assert line.count(place) == 1 and line.count("{") == 1, line
    for name in ("bullet_marks", "terse_joins"):
        assert not [line for line in tables()[f"frames/{name}"].lines(EVERY) if re.search(r"[a-z]", line)]
    for line in tables()["heads/lines"].lines(EVERY):
        assert line.count("{kind}") == line.count("{name}") == 1, line


SORTS = [
    ("port {v}", WORDS), ("port: {v}", COLON), ("port={v}", EQUALS), ("--port {v}", FLAG), ("port -> {v}", ARROW), ("{k}={v}", WORDS),
    ("spec.replicas {v}", PATH), ("exposes {v}", VERB), ("basically {v}", LOOSE), ("{v} hooked up", FIGURE), ("'{v}' as image", QUOTED),
    ("(port|the port) {v}", WORDS), ("(mem|ram)={v}", EQUALS), ("path {v0} on {v1}", WORDS), ("{v0}:{v1}", WORDS), ("-e {items}", FLAG),
]  # fmt: skip


@pytest.mark.parametrize(("line", "sort"), SORTS)
def test_a_line_is_of_one_sort(line, sort):
    assert sort_of(line) == sort


def test_one_person_keeps_to_one_mark(composed):
    lines = {f"{name}:{stable_hash(line):016x}": line for name, table in tables().items() for line in table.lines(EVERY)}
    mixed = marked = 0
    for one in composed[TRAIN]:
        told = [form for form in one.forms if form.rpartition(":")[0].endswith(("/kv", "/np", "/vp")) and "heads" not in form]
        marks = {sort_of(lines[form]) for form in told} & {COLON, EQUALS, FLAG, ARROW, PATH}
        marked += bool(marks)
        mixed += len(marks) > 1
    assert marked > 0.05 * COMPOSED and mixed < 0.02 * COMPOSED


def test_a_port_is_named_before_what_is_said_of_it_and_details_stand_behind_their_thing(composed):
    ports = mounts = 0
    for one in [one for part in composed.values() for one in part]:
        for place, intent in enumerate(one.said):
            head = intent.aspect.rpartition(".")[0]
            if head in ("port", "container.port"):
                ports += 1
                assert Intent(head, intent.keys[:-1], int(intent.keys[-1])) in one.said[:place], one.text
            elif intent.aspect == "mount.readOnly":
                mounts += 1
                before = one.said[place - 1]
                assert before.aspect.startswith("mount.") and before.keys == intent.keys, one.text
    assert ports > 100 and mounts > 10


def test_what_belongs_to_one_of_several_containers_stands_together():
    intents = [Intent("kind", (), "Pod"), Intent("name", (), "one")]
    for name in ("left", "right"):
        intents += [Intent("container.image", (name,), f"{name}-image"), Intent("container.port", (name,), 80)]
        intents += [Intent("container.limits.memory", (name,), "1Gi"), Intent("container.env", (name, "A"), f"{name}-env")]
    shuffled = [*intents[:2], *Random(3).sample(intents[2:], 8)]
    for number in range(200):
        one = compose(shuffled, Random(number), TRAIN)
        owners = [intent.keys[0] for intent in one.said[2:]]
        assert owners in (["left"] * 4 + ["right"] * 4, ["right"] * 4 + ["left"] * 4)
        first, second = sorted(("left", "right"), key=owners.index)
        assert one.text.index(f"{first}-env") < one.text.index(f"{second}-image"), one.text


def test_a_list_of_things_of_one_sort_is_said_at_once():
    labels = [Intent("selector", (f"k{n}",), f"v{n}") for n in range(3)]
    said, _ = clauses([Intent("spec.type", (), "NodePort"), *labels], Random(2))
    assert tuple(labels) in [clause.intents for clause in said]
    two = [Intent("port", (), 80), Intent("port.name", ("80",), "web"), Intent("port", (), 443), Intent("port.target", ("443",), 8443)]
    said, _ = clauses(two, Random(2))
    assert [clause.said() for clause in said] == [(two[0], two[1]), (two[2], two[3])], "else 8443 would be the target of both"
    two = [Intent("port", (), 80), Intent("port.name", ("80",), "web"), Intent("port", (), 443), Intent("port.name", ("443",), "tls")]
    said, _ = clauses(two, Random(2))
    assert [clause.said() for clause in said] == [tuple(two)]


def test_a_request_ends_with_its_farewell_and_not_with_the_namespace():
    intents = [Intent("kind", (), "Service"), Intent("name", (), "one"), Intent("namespace", (), "zzyzx"), Intent("port", (), 80)]
    farewells = 0
    for number in range(1_500):
        one = compose(intents, Random(number), TRAIN)
        assert one.text.count("zzyzx") == 1 and Intent("namespace", (), "zzyzx") in one.said
        farewell = re.search(
            r"looking forward|talk soon|take care|have a (nice|great|good)|see you|bye\b|yours|that's (all|it)\b", one.text.lower()
        )
        farewells += bool(farewell)
        assert not farewell or one.text.index("zzyzx") < farewell.start(), one.text
    assert farewells > 5


def test_an_amount_is_never_spelled_as_another_unit_of_kubernetes():
    rng = Random(5)
    for value in ("512Mi", "100Mi", "8Gi", "3Ti"):
        assert not [text for text in (memory_text(value, rng) for _ in range(400)) if re.fullmatch(r"[\d.]+[MGTmgt]", text)]


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("a \ue000app\ue001 label", "an \ue000app\ue001 label"),
        ("an hpa and a \ue0008\ue001 core node", "an hpa and an \ue0008\ue001 core node"),
        ("a LimitRange, a one", "a LimitRange, a one"),
        ("can i get x?. also y .", "can i get x? also y."),
        (
            "\ue0001\ue001 pods, \ue00012\ue001 pods, \ue0001\ue001 more retries",
            "\ue0001\ue001 pod, \ue00012\ue001 pods, \ue0001\ue001 more retry",
        ),
        ("\ue000half a cpu\ue001 cpu", "\ue000half a cpu\ue001"),
    ],
)
def test_the_seams_between_parts_are_smoothed(raw, wanted):
    assert tidy(raw) == wanted


def test_nobody_is_told_to_be_something_and_nothing_does_what_is_done_to_it():
    assert of_the_thing("it should {vp}.") and of_the_thing("can we have it {vp}?") and of_the_thing("must also {vp}.")
    assert not of_the_thing("please {vp}.") and not of_the_thing("it is important to {vp}.") and not of_the_thing("for this one, {vp}.")
    label = [Intent("kind", (), "ConfigMap"), Intent("name", (), "one"), Intent("label", ("k",), "v")]
    texts = [compose(label, Random(number), TRAIN).text.lower() for number in range(3_000)]
    assert not [text for text in texts if re.search(r"(you|we|let's|please) be label", text)]


def test_small_talk_does_not_contradict_itself():
    seen = set()
    for number in range(400):
        request = Request(Random(number), TRAIN, "Pod", "one", "", [])
        talk = [request.talk(f"frames/{name}", 1.0) for name in ("greetings", "question_tail", "closers")] + [request.noise(1.0)]
        text = " ".join(talk).lower()
        easy, pressed = re.search(r"no (rush|hurry)|take your time|not urgent", text), re.search(r"\basap\b|is urgent|in a hurry", text)
        assert not (easy and pressed), text
        assert len(re.findall(r"\b(?:thanks|thank you|thx)\b", text)) < 3
        seen |= {bool(easy), bool(pressed)}
    assert seen == {True, False}


def test_labels_are_said_together_and_a_field_of_a_field_with_its_parent():
    labels = [Intent("label", (f"k{n}",), f"v{n}") for n in range(4)]
    said, unsaid = clauses(labels, Random(1))
    assert [clause.intents for clause in said] == [tuple(labels)] and not unsaid
    deep = [
        Intent("spec.csi.nodeStageSecretRef.name", (), "login"),
        Intent("container.limits.other", ("", "ephemeral-storage"), "1Gi"),
    ]
    texts = {clause.variables["field"] for number in range(20) for clause in clauses(deep, Random(number))[0]}
    assert texts == {"csi node stage secret ref name", "ephemeral-storage limit"}


def test_one_writer_spells_all_amounts_alike_and_equal_ones_the_same():
    asked = [
        *(Intent("kind", (), "Pod"), Intent("name", (), "one"), Intent("container.image", ("",), "nginx")),
        *(Intent(f"container.{part}.memory", ("",), amount) for part, amount in (("requests", "512Mi"), ("limits", "768Mi"))),
    ]
    binary = re.compile(r"\d ?(?:Mi\b|MiB|mebibytes)")
    decimal = re.compile(r"\d ?(?:[Mm][Bb]\b|megabytes|megs)|\bgig")
    texts = [compose(asked, Random(number), TRAIN).text for number in range(300)]
    assert not [text for text in texts if binary.search(text) and decimal.search(text)]
    assert any(binary.search(text) for text in texts) and any(decimal.search(text) for text in texts)


def test_where_only_some_ports_lead_elsewhere_each_is_said_by_itself():
    asked = [
        *(Intent("kind", (), "Service"), Intent("name", (), "one"), Intent("port", (), 80), Intent("port", (), 443)),
        Intent("port.target", ("443",), "8443"),
    ]
    for number in range(100):
        text = compose(asked, Random(number), TRAIN).text
        assert not re.search(r"\b80(,| and|/| &| \+)( port)? 443", text), text


def test_the_namespace_follows_the_name_or_is_said_last_and_of_policies_never():
    last = dict.fromkeys(("Service", "NetworkPolicy"), 0)
    for kind, asked in (("Service", Intent("port", (), 80)), ("NetworkPolicy", Intent("deny", ("ingress",), True))):
        intents = [Intent("kind", (), kind), Intent("name", (), "one"), Intent("namespace", (), "zzyzx"), asked]
        requests = [Request.about(intents, Random(number), TRAIN)[0] for number in range(300)]
        for request in requests:
            said = request.head()
            assert ("zzyzx" in said) != (request.clauses[-1].variables.get("v") == "zzyzx") and not request.namespace
            last[kind] += "zzyzx" not in said
    assert 30 < last["Service"] < 90 and not last["NetworkPolicy"]
