"""How one person writes: the sort of line, the mark in pairs, the brackets. Drawn once a request, and kept to throughout."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random

from kubestill.domains.kubernetes.phrasing.lines import Node, Table, parsed

# Sorts of lines. WORDS alone stand in sentences; the marks are each a manner of their own, seldom mixed by anybody.
WORDS, COLON, EQUALS, FLAG, ARROW, PATH, VERB, LOOSE, FIGURE, QUOTED = "words colon equals flag arrow path verb loose figure quoted".split()
_FLAG = re.compile(r"(^|[\s(|\[\u2768])--?[a-zA-Z][\w-]*|\bkubectl\b|\bdocker\b|\bhelm\b|\bcompose\b", re.IGNORECASE)
_PATH = re.compile(
    r"\b(spec|metadata|md|template|subjects?|roleRef|rules|data|parameters|labels|annotations|selector|containers?|resources|ports|limits|"
    r"requests|env|service|image|pods?|hard|nfs|tls|lifecycle|capabilities|secrets|[a-z]+[A-Z]\w*)\.[a-zA-Z{]|\w_\w"
)
_ARROW = re.compile(r"->|<-|=>|~>|>|→|@|\s\|\s|::|:=|~|<=|\s[-/]\s|^-")
_EQUALS = re.compile(r"(?<=[a-zA-Z_)\]])\s?={1,2}\s?|\}\s+=\s|\} ?= ?\w")
_COLON = re.compile(r":(\s|$)|[a-zA-Z)\]]:\{")
_QUOTED = re.compile(r"['\"`](?=\{)|\}['\"`]")
# Asides, reasons and afterthoughts: fine where a thing is said by itself, not in an enumeration.
_LOOSE = re.compile(
    r",|;|\b(basically|ideally|obviously|of course|naturally|for now|if possible|as (always|usual|discussed|agreed)|please|pls|plz|just|"
    r"simply|also|too|so that|because|since|although|though|while|whatever|whoever|everybody|everyone|nobody|namely|the usual|say|gotta|"
    r"gonna|wanna|should|must|ought|shall|needs? to|has to|we|we'd|we've|i|i'd|i'll|our|my|you|your|they|people|folks|thing|stuff|"
    r"that's|it's|i mean|kubelet|somebody|someone|otherwise|even|really|actually|anyway|like so|such|exactly|precisely)\b",
    re.IGNORECASE,
)
# Figures of speech, each fine once: a list in which the pods sit, dial, land and get hooked up is nobody's.
_FIGURES = (
    r"hook\w* wire[ds]? land(s|ing|ed)? end(s|ing)?_up ended_up sits? sitting living lives at_home home callers? dial\w* relay\w* hop "
    r"hog eat\w* grab\w* kill\w* wild pin(ned|s)? bump\w* stamp fire[ds]? roll_with spin\w* clone\w* show(s|ing)?_up to_be_found "
    r"handed? hidden? hide narrow\w* wear\w* bear\w* ever however instead shout starv\w* leak\w* heap oom\w* cgroup dead alive "
    r"die[sd]? death survive\w* surviving breath\w* wish under_the_hood behind_the_scenes out_front in_front crowd bunch couple "
    r"handful pool_of fleet side_by_side in_lockstep hang\w* hung tuck\w* throw\w* slap stick\w* stuck glue\w* nail\w* lock(ed)?_in "
    r"hard-?wired hard-?coded back-?stop safety guard\w* promise\w* guarantee\w* gate\w* door entrance nickname aka baptis\w* "
    r"answer(s|ing)?_to goes_by hits? knock\w* poke poll\w* curl ping\w* heartbeat watchdog sign_of_life asks? asking question\w* "
    r"wake\w* sleep\w* nap boot\w* barrier ceiling budget headroom stop(s)? topped tops_out once used_up craving eyes club member\w* "
    r"crew tribe family herd batch_of squad world life lifetime rest_of party welcome friend\w* trust\w* hands?_over whoever whatever "
    r"anybody anyone everything nothing none_of not_a never not_one no_chance no_way no_matter free_to happy stays? bother "
    r"bring(s|ing)?_up flavou?r sort_of kind_of_thing roughly about around some certain particular special "
    r"ruled_out rule[sd]?_out bar insist\w* refus\w* revok\w* strip\w* kernel not_a_single each_and_every write-?protect\w* taken_away "
    r"tolerance nobody locked-down kubelet simply thanks_to on_top_of comes_from"
).split()
_FIGURE = re.compile(rf"\b({'|'.join(_FIGURES).replace('_', ' ')})\b")  # of lower case: else it is slow
_VERB = re.compile(
    r"^\[?\(?(runs?|uses?|using|use|exposes?|pulls?|starts?|holds?|stores?|keeps?|has|have|gets?|needs?|lives?|sits?|goes|listens?|serves?|"
    r"answers?|mounts?|reads?|takes?|makes?|lets?|ships?|opens?|sets?|set|wants?|allows?|lands?|belongs?|binds?|loads?|wraps?|comes?|"
    r"waits?|restarts?|stays?|points?|sends?|routes?|forwards?|relay|redirect|publish|connect|talk|ends?|works?|does|is|are|be|put|give|"
    r"throw|add|call|label|tag|mark|select|selects|pick|picks|targets?|matches|match|limit|limits|cap|caps|scale|scales|export|inject|"
    r"make|let|contains|limit to|applies|covers|grants?|may|can|do|don't|no|never|only|always|not)\b"
)
_PLACE = re.compile(r"\{\w+\}")
_A_WORD = re.compile(r"[\w'-]+")


@lru_cache(maxsize=65_536)
def sort_of(line: str) -> str:
    """Return the sort of a line: how it is written, as far as one can see without its values."""
    for sort, found in (
        (QUOTED, _QUOTED),
        (FLAG, _FLAG),
        (PATH, _PATH),
        (ARROW, _ARROW),
        (EQUALS, _EQUALS),
        (COLON, _COLON),
        (LOOSE, _LOOSE),
        (FIGURE, _FIGURE),
        (VERB, _VERB),
    ):
        if found.search(line.lower() if found is _FIGURE else line):
            return sort
    return WORDS


@lru_cache(maxsize=65_536)
def length_of(line: str) -> int:
    """Return how many words a line has at most, its values not counted."""
    return _longest(parsed(line))


def _longest(nodes: Sequence[Node]) -> int:
    total = 0
    for node in nodes:
        total += len(_A_WORD.findall(_PLACE.sub(" ", node))) if isinstance(node, str) else max(map(_longest, node))
    return total


@lru_cache(maxsize=65_536)
def fitting(table: Table, part: str, sorts: tuple[str, ...], most: int) -> tuple[str, ...]:
    """Return the lines of a part that one would write here: of the first sort there is, of at most so many words; else what there is."""
    lines = table.lines(part)
    for sort in sorts:
        of_sort = [line for line in lines if sort_of(line) == sort]
        found = tuple(line for line in of_sort if length_of(line) <= most)
        if found or of_sort:
            return found or tuple(sorted(of_sort, key=length_of)[:4])
    return tuple(sorted(lines, key=length_of)[: max(4, len(lines) // 4)])


SPOKEN = (WORDS, VERB, LOOSE, FIGURE)  # in sentences


@dataclass(frozen=True, slots=True)
class Style:
    """The habits of one writer: the sort of line of terse lists, and how pairs are written."""

    terse: str = WORDS
    pairs: str = "="  # between key and value of labels, variables, entries
    hand: int = 0  # by which amounts, durations and counts are spelt

    def voice(self, aspect: str) -> Random:
        """Return the chances by which this writer spells a value: the same for all of its sort, so that `512 MB` never meets `1Gi`."""
        last = aspect.rpartition(".")[2]
        sort = "Seconds" if "Seconds" in last else "memory" if last in ("storage", "sizeLimit") else last
        return Random(f"{self.hand} {sort}")

    def sorts(self, register: str) -> tuple[str, ...]:
        """Return the sorts of lines for a register, the likeliest first."""
        if register == "kv":
            return (self.terse, *(sort for sort in SPOKEN if sort != self.terse))
        return (VERB, *SPOKEN) if register == "vp" else SPOKEN

    def over(self, wanted: Iterable[Table], part: str) -> "Style":
        """Return the style with a mark that all these tables have: nobody writes half of a list in flags."""
        if self.terse == WORDS or all(_has(table, part, self.terse) for table in wanted):
            return self
        return replace(self, terse=WORDS)


@lru_cache(maxsize=65_536)
def _has(table: Table, part: str, sort: str) -> bool:
    return any(sort_of(line) == sort for line in table.lines(part))


_TERSE = {WORDS: 0.53, COLON: 0.36, EQUALS: 0.06, FLAG: 0.03, ARROW: 0.005, PATH: 0.015}


def draw_style(rng: Random) -> Style:
    """Return a writer's habits."""
    terse = rng.choices(list(_TERSE), list(_TERSE.values()))[0]
    pairs = "=" if terse in (COLON, EQUALS, FLAG) else rng.choice(("=", "=", "=", " = "))
    return Style(terse, pairs, rng.getrandbits(32))
