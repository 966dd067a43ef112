"""Columns as Go's text/tabwriter sets them, which is what kubectl prints its tables and descriptions with."""

from collections.abc import Sequence

TABLE, DETAIL = "¦", "‖"  # what ends a cell of `kubectl get` (3 blanks between columns) and of `kubectl describe` (2)
_PADDING = {TABLE: 3, DETAIL: 2}
_HEADS = ("NAME", "NAMESPACE", "LAST SEEN")  # a table begins; the one before it has columns of its own
_LEAST = {TABLE: 6, DETAIL: 0}  # kubectl's minimal width of a cell (cli-runtime/pkg/printers/tabwriter.go; describe.go has none)


def align(lines: Sequence[str]) -> list[str]:
    """Return the lines with their cells padded: a column is a run of neighbouring lines that all have a cell there."""
    rows, marks = [], []
    for line in lines:
        mark = TABLE if TABLE in line else DETAIL
        rows.append(line.split(mark))
        marks.append(mark if mark in line else "")
    return ["".join(_padded(rows, marks, number)).rstrip() for number in range(len(rows))]


def _padded(rows: list[list[str]], marks: list[str], number: int) -> list[str]:
    """Return the cells of one line; the last one ends no column and is not padded."""
    row, mark = rows[number], marks[number]
    return (
        [cell.ljust(_width(rows, marks, number, place)) if place < len(row) - 1 else cell for place, cell in enumerate(row)]
        if mark
        else row
    )


def _width(rows: list[list[str]], marks: list[str], number: int, place: int) -> int:
    mark = marks[number]

    def has(line: int) -> bool:
        return 0 <= line < len(rows) and marks[line] == mark and len(rows[line]) - 1 > place

    first = last = number
    while not _begins(rows, marks, first) and has(first - 1):
        first -= 1
    while has(last + 1) and not _begins(rows, marks, last + 1):
        last += 1
    return max(_LEAST[mark], *(len(rows[line][place]) + _PADDING[mark] for line in range(first, last + 1)))


def _begins(rows: list[list[str]], marks: list[str], number: int) -> bool:
    return marks[number] == TABLE and rows[number][0] in _HEADS
