"""What the project Kubernetes itself writes must pass, and one wrong letter in it must not."""

import re

from kubestill.domains.kubernetes.kubectl.check import check_command
from kubestill.domains.kubernetes.kubectl.codes import CODES
from kubestill.domains.kubernetes.kubectl.reference import reference as built
from kubestill.domains.kubernetes.kubectl.shapes import SHAPES

from .examples import documentation, examples, flags_of, needs_docs, needs_reference

FLAG = re.compile(r"(?<=\s)(--?)([a-zA-Z][\w-]*)")


def errors(text: str) -> list[str]:
    return [f"{finding.code} {finding.message}" for finding in check_command(text).findings if finding.severity == "error"]


@needs_reference
def test_every_documented_example_passes():
    rows = examples()
    wrong = [f"{text}: {found}" for _, text in rows if (found := errors(text))]
    assert not wrong, "\n".join(wrong)
    assert len(rows) == 385


def next_letter(letter: str) -> str:
    return "a" if letter in "zZ" else chr(ord(letter) + 1)


def kubectl_parts(text: str):
    """Yield start and end of the parts of a text in which words are kubectl's: up to a pipe or to the command after `--`."""
    for part in re.finditer(r"[^|\n]*(?:\\\n[^|\n]*)*", text):
        start = part[0].find("kubectl ")
        if start >= 0:
            end = re.search(r" -- |\$\(|2>|\)", part[0][start:])
            yield part.start() + start, part.start() + start + end.start() if end else part.end()


def mutated_flags(text: str):
    """Yield a text for each letter of a shorthand, and for the middle letter of each long flag, with the flag as it became."""
    for start, end in kubectl_parts(text):
        for flag in FLAG.finditer(text, start, end):
            dashes, name = flag[1], flag[2]
            places = [len(name) // 2] if dashes == "--" else range(len(name) if set(name) <= set("itAwR") else 1)
            for place in places:
                changed = name[:place] + next_letter(name[place]) + name[place + 1 :]
                new = changed if dashes == "--" else changed[place]
                yield text[: flag.start(2)] + changed + text[flag.end(2) :], dashes + new


@needs_reference
def test_one_wrong_letter_in_a_flag_is_an_error_unless_it_makes_another_flag():
    caught, real, missed = 0, [], []
    for command, text in examples():
        for mutant, flag in mutated_flags(text):
            names, shorthands = flags_of(command["command"])
            if flag.lstrip("-") in (names if flag.startswith("--") else shorthands):
                real.append(mutant)
            elif errors(mutant):
                caught += 1
            else:
                missed.append(mutant)
    assert not missed, "\n".join(missed)
    assert caught > 350
    assert len(real) < 25


@needs_reference
def test_a_misspelt_command_or_subcommand_is_an_error():
    checked, missed = 0, []
    for command, text in examples():
        path = command["command"].split()[1:]
        for word in dict.fromkeys((path[:1] or [""]) + path[-1:]):
            found = re.search(rf"(?<=\s){re.escape(word)}(?=\s|$)", text) if word else None
            if found is None or "kubectl" not in text[: found.start()]:
                continue
            changed = word[: len(word) // 2] + next_letter(word[len(word) // 2]) + word[len(word) // 2 + 1 :]
            mutant = text[: found.start()] + changed + text[found.end() :]
            checked += 1
            if not errors(mutant):
                missed.append(mutant)
    assert not missed, "\n".join(missed)
    assert checked > 550


# Of some 1,500 commands in the pages of kubernetes.io, those that kubectl 1.36 would not take, by a part of each.
NOT_COMMANDS = ("[command]", "[flags]", "[-i]", "[--dry-run=server]", "{{", "--type=merge`")
PLUGINS = ("kubectl convert", "kubectl foo", "kubectl hello", "kubectl whoami", "kubectl pod-level-resize-demo")
FAULTS_OF_THE_PAGES = (
    "scale --replicas 1 deployments/my-nginx --subresource",  # scale has no --subresource
    "--cpu-percent=80%",  # takes a number
    "kubectl exec zk-",  # without `--`, refused since 1.31 or so
    "powershell.exe",
    "podsecuritypolicies.policy",  # gone since 1.25
    "<filename|url>",
    "<map-name> <data-source>",
    "kubectl create service nodeport <myservicename>",  # needs --tcp
    "kubectl patch --type='merge' -p",  # names no resource
)


@needs_docs
def test_the_commands_of_the_documentation_pass():
    known = (*NOT_COMMANDS, *PLUGINS, *FAULTS_OF_THE_PAGES)
    rows = documentation()
    wrong = {text: found for text in rows if (found := errors(text))}
    surprising = [f"{text}: {found}" for text, found in wrong.items() if not any(part in text for part in known)]
    surprising = [line for line in surprising if not line.startswith("kubectl config use-context:")]  # its argument stands on the next line
    assert not surprising, "\n".join(surprising)
    assert len(rows) > 1400
    assert len(wrong) < 50


def test_every_command_has_a_shape_and_no_shape_is_of_a_command_that_is_gone():
    assert set(SHAPES) == set(built().commands)


def test_codes_are_those_of_this_room():
    assert all(re.fullmatch(r"K8S4\d\d", code) for code in CODES)
