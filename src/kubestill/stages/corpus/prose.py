"""Whether a page is prose to learn from: long enough, not too long, and English.

English is known by its commonest words. Of the 1,554 pages and runbooks in ../shared/data the 1,299 with 20 words or more have a share of
at least 0.05 (median 0.28); a paragraph each of German, Dutch, French, Spanish, Italian and Portuguese at most 0.03, Chinese and
Japanese none. A library that tells 100 languages apart weighs 90 MB and more (lingua, fastText's lid.176), answers a question that
nobody asks here, and errs on short technical text, which is what this is.
"""

import re
from collections.abc import Sequence

# Function words of English that are not words of German, Dutch, French, Spanish, Italian or Portuguese: so no "a", "in", "is", "no".
ENGLISH = frozenset(
    "the and of to that for with this are be you it from by can when not if has which your its these have into using use used than then "
    "only must may should each other any all more one set does their they there how what".split()
)
ENGLISH_SHARE = 0.04
_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_INLINE = re.compile(r"`[^`\n]{1,200}`|https?://\S+")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")


def without_code(text: str) -> str:
    """Return Markdown without its blocks and spans of code."""
    kept, fence = list[str](), ""
    for line in text.splitlines():
        found = _FENCE.match(line)
        if fence:
            fence = "" if found and found[1].startswith(fence) else fence
        elif found:
            fence = found[1]
        else:
            kept.append(line)
    return _INLINE.sub(" ", "\n".join(kept))


def words(text: str) -> list[str]:
    """Return the words of a text in lower case; letters of any alphabet make one."""
    return _WORD.findall(text.lower())


def english_share(found: Sequence[str]) -> float:
    """Return which share of the words is among the commonest of English."""
    return sum(word in ENGLISH for word in found) / len(found) if found else 0.0


def unfit(text: str, min_words: int, max_words: int) -> str:
    """Return why a page is not to be learned from, or an empty string."""
    found = words(without_code(text))
    if len(found) < min_words:
        return "prose too short"
    if len(found) > max_words:
        return "prose too long"
    return "not English" if english_share(found) < ENGLISH_SHARE else ""
