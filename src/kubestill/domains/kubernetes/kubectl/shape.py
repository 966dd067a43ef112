"""What the arguments of a command are: a number of words, or resources, with or without changes to them."""

from typing import NamedTuple

ANY = 10**6  # no upper bound


class Shape(NamedTuple):
    """The arguments of one command. With `takes` "words" only their number counts; with "objects" they name resources."""

    takes: str = "words"  # words | objects
    low: int = 0
    high: int = 0
    names: tuple[str, ...] = ()  # what the words are called, for messages
    ignores_more: bool = False  # kubectl takes further words and does nothing with them
    lists: bool = False  # objects: a type without a name means all of that type
    default: str = ""  # objects: the type of a bare name; empty: the first word is a type
    changes: str = ""  # objects: what follows them: label | annotation | taint | variable | image | selector | account
    all_selects: bool = False  # objects: --all is a selector, so that no name may stand beside it
    types: tuple[str, ...] = ()  # objects: the built-in types that the command works on; empty: all
    command: bool = False  # the words after `--` must be a command
