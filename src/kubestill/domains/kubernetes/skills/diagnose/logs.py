"""What a program writes before it stops: its last words as the cause tells them, after lines that mean nothing, in one style."""

import json
from random import Random

from kubestill.domains.kubernetes.skills.diagnose.scene import Scene
from kubestill.domains.kubernetes.skills.diagnose.values import stamp

_LEVELS = {"I": "INFO", "W": "WARN", "E": "ERROR", "F": "FATAL"}
_STYLES = ("stamp", "stamp", "bracket", "json", "logfmt", "level", "bare", "go")
_MOST_BEFORE = 3


def log_lines(text: str, scene: Scene, ago: int) -> list[str]:
    """Return the lines of a log that ended `ago` seconds ago with `text`: `E|...` is in its own style, other lines stand as they are."""
    rng = scene.rng
    style = rng.choice(_STYLES)
    lines = text.split("\n")
    plain = not any(_is_leveled(line) for line in lines)
    before = [] if plain and rng.random() < 0.5 else [f"I|{scene.fill(_noise(rng))}" for _ in range(rng.randrange(_MOST_BEFORE + 1))]
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


def _noise(rng: Random) -> str:
    """Return a line that says nothing of the fault."""
    return rng.choice(_NOISE)


_NOISE = (
    "starting up",
    "loading configuration",
    "configuration loaded",
    "version 2.{few}.{some} starting",
    "build 1.{many}.{few}",
    "initialising metrics exporter",
    "metrics endpoint enabled",
    "starting {app}",
    "using {some} worker threads",
    "log level set to info",
    "running in production mode",
    "registering handlers",
    "opening connections",
    "connection pool size {some}",
    "feature flags loaded ({some} active)",
    "cache initialised",
    "starting background tasks",
    "tracing disabled",
    "timezone is UTC",
    "pid 1, uid 1000",
    "GOMAXPROCS set to {few}",
    "locale en_US.UTF-8",
)
