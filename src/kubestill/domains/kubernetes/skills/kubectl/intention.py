"""From a sentence of the documentation to what somebody would ask for: an infinitive without what only a page can point to."""

import re

from kubestill.domains.api import Drop

MIN_CHARS, MAX_CHARS = 12, 220
# Verbs that a request can begin with; a sentence that has none of them in its first place tells, and does not ask.
VERBS = frozenset(
    """
    add allow annotate apply approve attach authorize autoscale build change check clean compare configure confirm connect convert copy
    cordon create debug define delete deny deploy describe determine diff disable display drain dump edit embed empty enable ensure evict
    examine execute expose extract fetch filter find follow force forward generate get give grant identify import increase inspect install
    issue label limit list listen load look make mark merge modify monitor move observe open output patch pause perform port-forward
    preview print propagate provide publish query read reduce remove rename replace request reset restart restore resume retrieve return
    revert review revoke roll rollback run scale schedule see select send set show sort start stop stream submit suspend switch tail taint
    test trigger turn uncordon undo unset update upgrade use validate verify view wait watch write
    """.split()
)
_LEADS = re.compile(
    r"""\A(?:(?:now|then|next|first|second|finally|also|again|afterwards|alternatively|optionally|for\ example
    |in\ a\ (?:new|second|separate)\ terminal|in\ another\ terminal|once\ more|from\ there|on\ the\ control\ plane
    |if\ you\ (?:want|wish|need)|note)[,:]?\ )+""",
    re.IGNORECASE | re.VERBOSE,
)
_WRAPPED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?:you can |you may |let's |let us |please |we can |we |you |i |it is possible to |you (?:should|must|need to) )+(?P<core>.+)",
        r"(?:use|run|execute|enter|type)(?: the)?(?: following)?(?: kubectl(?: [a-z-]+){0,2})?(?: command)? to (?P<core>.+)",
        r"to (?P<core>.+?),? (?:you can |you may |simply |just )?(?:run|use|execute|enter|type|issue|do|try|call|invoke)\b.*",
        r"to (?P<core>[^,]+)",
        r"how (?:do i|to|can i) (?P<core>.+)",
    )
)
_TAILS = re.compile(
    r"""[,;]?\s*(?:(?:by|when|and|while)?\ ?
    (?:running|run|executing|execute|using|use|with|via|through|from|issuing|entering|typing|invoking)(?:\ this|\ the|\ these)?
    (?:\ following|\ below)?(?:\ kubectl(?:\ [a-z-]+){0,2})?(?:\ commands?|\ subcommand|\ kubectl\ command)?
    |as\ follows|like\ this|like\ so|as\ shown(?:\ here|\ below)?|for\ example|e\.g\.?|(?:by\ )?using\ kubectl.*|with\ kubectl.*
    |by\ running.*|by\ using.*)\s*\Z""",
    re.IGNORECASE | re.VERBOSE,
)
# What only a page can point to.
_POINTS = re.compile(
    r"""(?<![\w-])(?:this|these|those|above|below|following|previous(?:ly)?|earlier|you|we|step|steps|exercise|tutorial|task|example|section|page
    |(?:created|shown|described|defined)\ (?:in|by|for)\ the|first|second|third|other|another|specified|respective|corresponding|terminal
    |that\ (?:manifest|configuration|config|file|command|yaml)|a\ local|the\ new\ current
    |kubectl\ [a-z-]+\ commands?|(?:from|in)\ a\ namespace
    |same|its|it|they|them|their|such|here|there|later|again|note|e\.g|i\.e|once|until|after|before|because|so\ that
    |will|would)(?![\w-])""",
    re.IGNORECASE | re.VERBOSE,
)
# Sentences of a walk through: what somebody hopes to see, which says little of how to look.
_HOPES = re.compile(
    r"(?:verify|check|confirm|ensure|make sure|determine|test|query|inspect|examine|validate|monitor|observe|watch|see|view|wait|show)\b.*"
    r"\b(?:that|if|whether|what|how|as|is|are|has|have|was|were|does|did|controller|come|comes|create|to)\b.*"
    r"|(?:get|list|fetch)\b.* to (?:see|check|verify|find)\b.*",
    re.IGNORECASE,
)
_REMARK = re.compile(r" (?=(?:If|Does|Any|You|This|Requires?|Note|The default|Valid|As|Assumes|These|It|Use|Default|Will|See)\b [a-z'\"])")
_FIRST = re.compile(r"[A-Za-z-]+")


def intention(sentence: str) -> str | Drop:
    """Return what a sentence asks for, as an infinitive."""
    text = re.sub(r"\s+", " ", sentence).strip()
    if text.lower().startswith(("note", "as above", "or", "deprecated")):
        return Drop("no-intention")
    text = _LEADS.sub("", _REMARK.split(text)[0].strip(" .:;"), count=1)
    for pattern in _WRAPPED:
        if found := pattern.fullmatch(text):
            text = found["core"]
    text = _TAILS.sub("", _TAILS.sub("", text.strip(" .:;,"))).strip(" .:;,")
    first = _FIRST.match(text)
    if first is None or first[0].lower() not in VERBS:
        return Drop("no-intention")
    if _POINTS.search(text):
        return Drop("points-elsewhere")
    text = re.sub(r"\A(\w+) to see if\b", "check if", text)
    if _HOPES.fullmatch(text) and not text.startswith("check if I can "):
        return Drop("hopes-only")
    if not MIN_CHARS <= len(text) <= MAX_CHARS or any(mark in text for mark in ("{{", "<", "[", "https://k8s.io/docs", "|")):
        return Drop("unsayable")
    text = re.sub(r"\byour\b", "my", re.sub(r" (?:in ps output format|\(default\))\Z", "", text))
    return text[0].lower() + text[1:]
