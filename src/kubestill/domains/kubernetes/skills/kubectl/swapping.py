"""Documented examples with other names: what stands in both the sentence and the command gives way to drawn words in both."""

import re
from collections.abc import Callable, Iterator, Mapping
from random import Random

from kubestill.domains.kubernetes.drawing.words import Words
from kubestill.domains.kubernetes.kubectl.parsed import Call
from kubestill.domains.kubernetes.skills.kubectl.judging import meaning
from kubestill.domains.kubernetes.skills.kubectl.unsaid import named_values

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_FILE = re.compile(r"(?:[\w.-]*/)*[\w-]+\.(ya?ml|json)")
_FLAGS: Mapping[str, Callable[[Words], str]] = {
    "namespace": Words.namespace,
    "container": Words.word,
    "context": Words.name,
    "image": Words.image,
    "replicas": lambda words: str(words.rng.randrange(2, 12)),
}


def swapped(said: str, command: str, call: Call, rng: Random, part: str) -> tuple[str, str]:
    """Return the sentence and the command with other values, or both as they are where a swap would not be plain."""
    words, text, typed = Words(rng, part), said, command
    for value, draw in _swappable(call):
        pattern = re.compile(rf"(?<![\w./:=-]){re.escape(value)}(?![\w./:=-])")
        if len(pattern.findall(text)) == 1 and len(pattern.findall(typed.replace("=", "= "))) == 1:
            new = draw(words)
            article = "an" if new[0] in "aeio" else "a"  # words with u are said as "you"
            text = re.sub(rf"\ban? {re.escape(value)}(?![\w./:=-])", f"{article} {value}", text)
            text = pattern.sub(new, text)
            typed = pattern.sub(new, typed.replace("=", "\x00 ")).replace("\x00 ", "=")
    return (text, typed) if meaning(typed) != meaning(command) else (said, command)


def _swappable(call: Call) -> Iterator[tuple[str, Callable[[Words], str]]]:
    """Yield the values that mean nothing by themselves, each with what takes its place."""
    for kind, name in named_values(call):
        if kind and _NAME.fullmatch(name):
            yield name, Words.name
    for use in call.uses:
        if use.flag.name in _FLAGS and re.fullmatch(r"[\w.:/-]+", use.text):
            yield use.text, _FLAGS[use.flag.name]
        elif use.flag.name == "filename" and (found := _FILE.fullmatch(use.text)):
            ending = found[1]
            yield use.text, lambda words, ending=ending: f"{words.name()}.{ending}"  # type: ignore[misc]  # mypy: defaults of lambdas
