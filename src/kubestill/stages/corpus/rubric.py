"""The rubric for educational value: how much a document would teach someone who runs what it is about, 0 to 5.

After phi-1 (arXiv 2306.11644, section 2.1), where a strong model labels a slice and a small classifier spreads its labels. These rules
stand in for the model until one has labelled (`sources.labels`). They add points as the FineWeb-Edu prompt does (arXiv 2406.17557,
appendix F), so that each point can be argued about alone:

    structured text                               prose
    +1 of a length to be read whole               +1 of a length to be read whole
    +1 shows structure: 6 keys, 3 levels          +1 tells in sentences, and more than names
    +1 complete: no placeholder, not of a test    +1 shows code or commands beside the words
    +1 its kind is one that people meet           +1 gives reasons
    +1 explains itself in comments or by names    +1 leads in steps, or is divided by headings
    -2 written by a program, or for a program     -2 written by a program, or a stub that promises text
"""

import re

from kubestill.stages.corpus.features import Features

MOST = 5
READ_LINES = (6, 160)  # of structured text
READ_WORDS = (60, 6_000)  # of prose; 250 words a minute make it at most 24 minutes
COMMON_KIND = 0.002  # share of the documents of a form: 30 in 15,000
_PROMISE = re.compile(r"\b(?:todo|tbd|coming soon|to be written)\b", re.IGNORECASE)


def value(of: Features, text: str) -> int:
    """Return the points of a document."""
    points = _of_prose(of, text) if of.prose else _of_structure(of)
    return max(0, min(MOST, points))


def _of_structure(of: Features) -> int:
    if not of.keys:
        return 0
    machine = of.generated or of.stored > 1 or of.blobs > 0.2 or of.hashes > 3 or of.longest_line > 400
    explained = of.comments >= 0.04 or of.english >= 0.2 or of.words >= 12
    return (
        (READ_LINES[0] <= of.lines <= READ_LINES[1])
        + (of.keys >= 6 and of.depth >= 3)
        + (of.placeholders == 0 and not of.test)
        + (of.kind_share >= COMMON_KIND)
        + explained
        - 2 * bool(machine)
    )


def _of_prose(of: Features, text: str) -> int:
    stub = of.words < 12 or _PROMISE.search(text) is not None
    return (
        (READ_WORDS[0] <= of.words <= READ_WORDS[1])
        + (of.sentence_words >= 8 and of.english >= 0.2)
        + (0.02 <= of.code <= 0.7)
        + (of.reasons >= 0.4)
        + (of.steps >= 0.04 or of.headings >= 3)
        - 2 * bool(of.generated or stub)
    )
