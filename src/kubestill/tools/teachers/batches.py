"""The offline road: questions into a file of OpenAI's batch form, replies out of the file that comes back. Half the price at most vendors.

The questions of a batch are written down and reserved like those that are sent, and wait until their results are read.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubestill.ground.records import write_records
from kubestill.ground.servers import clean
from kubestill.tools.teachers.budget import Budget, Cost, most
from kubestill.tools.teachers.ledger import BATCH, Ledger, Outcome, Result
from kubestill.tools.teachers.questions import Question, question_key, spelled
from kubestill.tools.teachers.replies import Arrived, read_reply
from kubestill.tools.teachers.settings import Teacher

OK, URL = 200, "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Written:
    """What a batch file asks: `left_over` questions found no room in the budget."""

    asked: int
    left_over: int


@dataclass(frozen=True, slots=True)
class Read:
    """What a file of results held: `failed` were not answered, `strange` lines are no results, or of questions that no batch asks."""

    answered: int
    malformed: int
    failed: int
    strange: int


def write_batch(path: Path, teacher: Teacher, ledger: Ledger, questions: Iterable[Question]) -> Written:
    """Write the questions that are neither answered nor waiting. The file is whole before the ledger knows of it; people send it."""
    budget, left_over = Budget(teacher, ledger.spent(teacher.model)), 0
    rows: dict[str, tuple[dict[str, Any], Cost]] = {}
    for question in questions:
        body = question.body(teacher)
        key = question_key(body)
        standing = ledger.standing(key)
        if key in rows or standing.answer is not None or standing.waiting or standing.malformed >= teacher.limits.malformed:
            continue
        wanted = most(teacher, spelled(body))
        if budget.holds(wanted):
            budget.spent += wanted
            rows[key] = body, wanted
        else:
            left_over += 1
    write_records(path, ({"custom_id": key, "method": "POST", "url": URL, "body": body} for key, (body, _) in rows.items()))
    for key, (body, wanted) in rows.items():
        ledger.send(key, body, wanted, BATCH)
    return Written(len(rows), left_over)


def read_batch(path: Path, teacher: Teacher, ledger: Ledger, questions: Sequence[Question]) -> Read:
    """Write down what a file of results (or of errors) says, line by line, each judged as if it came from the server."""
    known = {question_key(body): question for question in questions for body in (question.body(teacher),)}
    counts = dict.fromkeys(Outcome, 0)
    strange = 0
    for line in path.read_bytes().splitlines():
        key, row = _row(line)
        waits = ledger.waiting(key)
        if key not in known or waits is None:
            strange += bool(line.strip())
            continue
        number, reserved = waits
        response = row.get("response")
        response = response if isinstance(response, Mapping) else {}
        if response.get("status_code") == OK:
            content = json.dumps(response.get("body")).encode()
            result = read_reply(Arrived("application/json", content), known[key], teacher, reserved)
        else:
            outcome = Outcome.REFUSED if response else Outcome.BUSY  # a batch that ran out of time answers nothing
            result = Result(outcome, Cost(), clean(json.dumps(row.get("error") or response.get("body"))))
        counts[ledger.record(number, key, result).outcome] += 1
    return Read(counts[Outcome.ANSWERED], counts[Outcome.MALFORMED], counts[Outcome.REFUSED] + counts[Outcome.BUSY], strange)


def _row(line: bytes) -> tuple[str, dict[str, Any]]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return "", {}
    found = row.get("custom_id") if isinstance(row, dict) else None
    return (found, row) if isinstance(found, str) else ("", {})
