"""What a program writes before it stops: its last words as the cause tells them, after lines that mean nothing, in one style."""

import json
import re
from random import Random

from kubestill.domains.kubernetes.skills.diagnose.scene import Scene
from kubestill.domains.kubernetes.skills.diagnose.values import stamp

_LEVELS = {"I": "INFO", "W": "WARN", "E": "ERROR", "F": "FATAL"}
_STYLES = ("stamp", "stamp", "bracket", "json", "logfmt", "level", "bare", "go")
_MOST_BEFORE = 3
_OF_PROGRAM = re.compile(r"Traceback |panic: |[\w.$]*(?:Error|Exception)\b")  # told by the program that had logged before it


def log_lines(text: str, scene: Scene, ago: int) -> list[str]:
    """Return the lines of a log that ended `ago` seconds ago with `text`: `E|...` is in its own style, other lines stand as they are."""
    rng = scene.rng
    style = rng.choice(_STYLES)
    lines = text.split("\n")
    spoken = _is_leveled(lines[0]) or bool(_OF_PROGRAM.match(lines[0]))  # else a shell, a tool or the runtime: nothing ran before
    before = [f"I|{scene.fill(line)}" for line in _noise(rng, rng.randrange(_MOST_BEFORE + 1))] if spoken else []
    told = list(dict.fromkeys((*before, *lines)))
    return [_styled(line, style, scene, ago + len(told) - place) for place, line in enumerate(told)]


def _is_leveled(line: str) -> bool:
    return line[1:2] == "|" and line[0] in _LEVELS


def _styled(line: str, style: str, scene: Scene, ago: int) -> str:
    if not _is_leveled(line):
        return line
    level, text, when = _LEVELS[line[0]], line[2:], stamp(scene, ago)
    thousandths = scene.rng.randrange(1000)
    if style == "stamp":
        return f"{when:%Y-%m-%dT%H:%M:%S}.{thousandths:03}Z {level} {text}"
    if style == "bracket":
        return f"[{when:%Y-%m-%d %H:%M:%S}] {level.lower()}: {text}"
    if style == "json":
        return json.dumps({"level": level.lower(), "ts": f"{when:%Y-%m-%dT%H:%M:%S}Z", "msg": text})
    if style == "logfmt":
        return f"level={level.lower()} msg={json.dumps(text)}"
    if style == "go":
        return f"{when:%Y/%m/%d %H:%M:%S} {text}"
    return f"{level}: {text}" if style == "level" else text


def _noise(rng: Random, count: int) -> list[str]:
    """Return lines that say nothing of the fault, in the order in which programs say them."""
    return [line for _, line in sorted(rng.sample(list(enumerate(_NOISE)), count))]


_NOISE = (
    "starting server",
    "starting up",
    "version 2.{few}.{some} starting",
    "build 1.{many}.{few}",
    "pid 1, uid 1000",
    "running in production mode",
    "timezone is UTC",
    "locale en_US.UTF-8",
    "log level set to info",
    "loading configuration",
    "configuration loaded",
    "feature flags loaded ({some} active)",
    "tracing disabled",
    "using {some} worker threads",
    "cache initialised",
    "initialising metrics exporter",
    "metrics endpoint enabled",
    "connection pool size {some}",
    "opening connections",
    "registering handlers",
    "starting background tasks",
)
