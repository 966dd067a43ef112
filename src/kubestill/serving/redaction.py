"""Takes out of a text what a log must not hold: secrets, tokens, private keys, passwords, e-mail addresses, the data of Secrets.

Whatever looks like one goes: a log that lost a word is still a log. Every pattern is bounded, so that a hostile text costs no more than
its length. What no program can know (a password said in prose as if it were a name) stays: logs are opt-in for that reason.
"""

import re
import unicodedata

GONE = "[redacted]"
MAX_CHARS = 32_768  # of a longer text only the length is told: cut in two, a secret could pass for none

_HOLDS = (
    r"pass(?:word|wd|phrase|code)?|pwd|secret|token|credentials?|cookie|signature|salt|pin|auth|authorization|"
    r"(?:api|access|account|private|signing|encryption|master|shared|client|ssh|deploy|license)[-_. ]?key(?:[-_]?data)?|key[-_]data|"
    r"key[-_]base|dockerconfigjson|dockercfg|kubeconfig|dsn|connection[-_ ]?string|conn[-_]?str|jwt|otp|bearer"
)
_KEY = rf"[\w.-]{{0,64}}?(?:{_HOLDS})s?(?![a-z])[\w.-]{{0,64}}"  # the name of something secret: DB_PASSWORD, client-key-data
_CAMEL = r"[\w.-]{0,64}(?:Password|Passwd|Secret|Token|Credential|ApiKey|AccessKey|PrivateKey)[\w.-]{0,64}"
_VALUE = r"(?!\[redacted\]|(?:true|false|null|~)(?![^\s,}\]])|[{\[|>]?$)"  # what stands there need not go
_QUOTES = r"[\\\"'`]{0,4}"
_ESCAPED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'"  # a quoted value, with what YAML and JSON escape in it
_REFERENCES = r"(?:Name|Ref|KeyRef|Namespace|Type|Path|File|Class|TTL|Seconds)s?"  # secretName names a Secret, and holds none

_PRIVATE = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}-----|\Z)", re.DOTALL)
# `stringData` stands in Secrets alone; a tag or an anchor may stand before the kind.
_KIND = re.compile(
    r"kind[\\\"']{0,4}\s{0,8}:\s{0,8}(?:[!&]\S{0,40}\s{1,8}){0,3}[\\\"']{0,4}Secret(?:List)?\b|\bstringData\b|\btype[\\\"']{0,4}:\s{0,8}[\\\"']{0,4}Opaque",
    re.IGNORECASE,
)
_TALKS = re.compile(r"\bsecrets?\b", re.IGNORECASE)
_DATA_BLOCK = re.compile(r"^([ \t]*)((?:- )*)((?:\?[ \t]*)?[\"']?(?:data|stringData)[\"']?[ \t]*:?)[ \t]*(?:[&!|>#].*)?$")
_DATA_FLOW = re.compile(
    r"((?:data|stringData)[\\\"']{0,4}\s{0,8}:\s{0,8}(?:[!&]\S{0,40}\s{1,8}){0,3}\{).*?(?=^---|\Z)", re.DOTALL | re.MULTILINE
)
_NEXT_KEY = re.compile(r"[ \t]*[\w\"'.][\w\"'./-]*[ \t]*:")
_KEY_BLOCK = re.compile(rf"^([ \t]*)((?:- )*)([\"']?(?:{_KEY}|{_CAMEL})[\"']?[ \t]*:)[ \t]*(?:[&!|>].*)?$", re.IGNORECASE)
_PAIR = re.compile(
    rf"\b(?!\w*{_REFERENCES}\b)((?i:{_KEY})|{_CAMEL})({_QUOTES}\s{{0,8}}(?:[:=]>?|:=)[ \t]{{0,8}}){_VALUE}({_ESCAPED}|[^\s,;}}\]]+)",
    re.MULTILINE,
)
_SAID = re.compile(
    rf"\b((?i:{_KEY}))({_QUOTES}(?:\s+[\w-]{{1,40}}){{0,5}}?\s+(?i:is|are|be|equals?|set to|to|as|of|was)\s+){_VALUE}({_ESCAPED}|[^\s,;]+)"
)
_WORD = re.compile(
    rf"\b((?i:pass(?:word|wd|phrase|code)?|pwd|pin|api[-_ ]?key|--(?:docker-)?password|-p))(\s+)"
    rf"(?!(?i:for|of|in|from|is|are|and|or|to|with|that|which|file|files|policy|field|called|named|protected|the|a|an|via|as|stored)\b){_VALUE}"
    rf"({_ESCAPED}|[^\s,;]+)"
)
_LITERAL = re.compile(rf"(--from-literal[= ][\"']?[\w.-]{{1,80}}=){_VALUE}([\"'][^\"']*[\"']|\S+)")
_ASSIGNED = re.compile(rf"\b([\w.-]{{1,80}}=){_VALUE}([\"'][^\"']*[\"']|[^\s,;&]+)")
_NAMED_VALUE = re.compile(
    rf"(name[\\\"']{{0,4}}\s{{0,8}}:\s{{0,8}}{_QUOTES}(?i:{_KEY}){_QUOTES}\s{{0,8}},?\s{{0,40}}{_QUOTES}value{_QUOTES}\s{{0,8}}:\s{{0,8}})"
    rf"{_VALUE}({_ESCAPED}|[^\s,}}]+)"
)
_VALUE_NAMED = re.compile(
    rf"(value[\\\"']{{0,4}}\s{{0,8}}:\s{{0,8}}){_VALUE}({_ESCAPED}|[^\s,}}]+)"
    rf"({_QUOTES}\s{{0,8}},?\s{{0,40}}{_QUOTES}name{_QUOTES}\s{{0,8}}:\s{{0,8}}{_QUOTES}(?i:{_KEY}))"
)
_URL = re.compile(r"(\b[a-zA-Z][\w+.-]{0,20}://)[^\s/]{1,400}@")
_MAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_HEADER = re.compile(r"\b(bearer|basic|digest|token|apikey)(\s+)[A-Za-z0-9+/=._~-]{6,}", re.IGNORECASE)
_TOKEN = re.compile(
    r"\b(?:(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{12,}|gh[pousr]_\w{16,}|github_pat_\w{16,}|gl(?:pat|rt|dt)-[\w-]{16,}|xox[a-z]-[\w-]{8,}|"
    r"[sprk]k[-_](?:live|test|proj|ant)?[\w-]{12,}|AIza[\w-]{20,}|ya29\.[\w-]{10,}|hf_\w{16,}|npm_\w{16,}|dckr_pat_[\w-]{10,}|pypi-[\w-]{16,}|"
    r"hv[sb]\.[\w-]{10,}|SG\.[\w-]{10,}\.[\w-]{10,}|eyJ[\w-]{8,}(?:\.[\w-]*){0,4}|[a-z0-9]{6}\.[a-z0-9]{16})"
)
_RUN = re.compile(r"(?<![A-Za-z0-9+/_=-])(?<!sha256:)[A-Za-z0-9+/_=-]{16,}")
_HEX = re.compile(r"[0-9a-fA-F]{32,}\Z")


def redact(text: str) -> str:
    """Return a text without what must not be kept; look-alike and invisible characters are made plain first."""
    if len(text) > MAX_CHARS:
        return f"[{len(text):,} characters]"
    plain = "".join(one for one in unicodedata.normalize("NFKC", text) if unicodedata.category(one) not in ("Cf", "Cs"))
    plain = _PRIVATE.sub("[private key]", plain.replace("\r\n", "\n").replace("\r", "\n"))
    is_secret = _KIND.search(plain) is not None
    plain = _blocks(_DATA_FLOW.sub(rf"\1{GONE}\n", plain) if is_secret else plain, is_secret)
    if _TALKS.search(plain):
        plain = _ASSIGNED.sub(rf"\1{GONE}", _LITERAL.sub(rf"\1{GONE}", plain))
    for pattern, kept in _KEPT:
        plain = pattern.sub(kept, plain)
    return _RUN.sub(_dense, _TOKEN.sub(GONE, _MAIL.sub("[e-mail]", plain)))


_KEPT = (
    (_URL, rf"\1{GONE}@"),
    (_NAMED_VALUE, rf"\1{GONE}"),
    (_VALUE_NAMED, rf"\1{GONE}\3"),
    (_HEADER, rf"\1\2{GONE}"),
    (_PAIR, rf"\1\2{GONE}"),
    (_SAID, rf"\1\2{GONE}"),
    (_WORD, rf"\1\2{GONE}"),
)


def _blocks(text: str, is_secret: bool) -> str:
    """Take away the lines below keys that hold secrets: `data` and `stringData` of a Secret, `password: |`.

    They end with the next key that stands no deeper; whatever else stands there, a comment or a list, goes with them.
    """
    kept: list[str] = []
    depth = -1  # of the key whose lines go; -1: none
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip(" \t"))
        ends = indent < depth or (indent == depth and _NEXT_KEY.match(line))
        if depth >= 0 and (not line.strip() or line.lstrip().startswith("#") or not ends):
            continue
        depth = -1
        found = (_DATA_BLOCK.match(line) if is_secret else None) or _KEY_BLOCK.match(line)
        kept.append(line if found is None else f"{found[1]}{found[2]}{found[3]} {GONE}")
        if found is not None:
            depth = len(found[1]) + len(found[2])
    return "\n".join(kept)


def _dense(found: re.Match[str]) -> str:
    """Take away a run that looks drawn by lot: hexadecimal, or letters of both cases with digits among them."""
    run = found[0]
    kinds = sum((any(map(str.isupper, run)), any(map(str.islower, run)), any(map(str.isdigit, run))))
    is_words = "-" in run and run == run.lower()  # a name, as kubectl prints pods
    return GONE if (_HEX.match(run) or kinds == 3) and not is_words else run
