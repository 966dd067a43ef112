"""What replies cost. A question's most is reserved before it is sent and settled by what was used, so that no budget is overspent,
however many questions are under way; and what a number of questions would cost, before any is sent.
"""

import asyncio
import math
from dataclasses import dataclass, replace

from kubestill.tools.teachers.settings import Limits, Prices, Teacher

# A byte-level tokenizer makes at most one token of a byte; the JSON around the messages is longer than the template that servers
# put around them, and this is for what a template may say of its own (Qwen2.5's default system prompt: 20 tokens).
FRAME_TOKENS = 64
BYTES_PER_TOKEN = 3.5  # of prompts in English with some YAML, for a preview only: between 3.2 and 4.2 with the tokenizers of 2024-26


@dataclass(frozen=True, slots=True)
class Cost:
    """Tokens, and money in millionths of the currency: whole numbers, so that sums are exact."""

    prompt_tokens: int = 0
    reply_tokens: int = 0
    money_micro: int = 0

    @property
    def tokens(self) -> int:
        """Tokens sent and written."""
        return self.prompt_tokens + self.reply_tokens

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.prompt_tokens + other.prompt_tokens, self.reply_tokens + other.reply_tokens, self.money_micro + other.money_micro)

    def __sub__(self, other: "Cost") -> "Cost":
        return Cost(self.prompt_tokens - other.prompt_tokens, self.reply_tokens - other.reply_tokens, self.money_micro - other.money_micro)


def cost(prices: Prices, prompt_tokens: int, reply_tokens: int) -> Cost:
    """Return what tokens cost, money rounded up: a price per million tokens is a price in millionths per token."""
    money = math.ceil(prompt_tokens * prices.prompt_per_million + reply_tokens * prices.reply_per_million)
    return Cost(prompt_tokens, reply_tokens, money)


def most(teacher: Teacher, body: bytes) -> Cost:
    """Return the most that a question can cost: a token for each byte of its body, and the longest reply."""
    return cost(teacher.prices, len(body) + FRAME_TOKENS, teacher.max_reply_tokens)


def allowed_micro(limits: Limits) -> int:
    """Return the most money in millionths; 0: no limit, never because a small one was rounded away."""
    return max(1, round(limits.money * 1e6)) if limits.money else 0


def money(micro: int) -> str:
    """Spell an amount for people: with two decimals, a small one with as many as it takes to see it."""
    exact = f"{micro / 1e6:.6f}"
    first = next((place for place, digit in enumerate(exact) if digit in "123456789"), 0)
    point = exact.index(".")
    decimals = 2 if first < point + 2 else min(6, first - point + 1)
    told = f"{micro / 1e6:.{decimals}f}"
    return told[: point + 3] + told[point + 3 :].rstrip("0")


class Budget:
    """What may still be spent. `spent` is settled, `reserved` is under way."""

    def __init__(self, teacher: Teacher, spent: Cost) -> None:
        self.money_micro, self.tokens = allowed_micro(teacher.limits), teacher.limits.tokens
        self.spent, self.reserved, self._under_way = spent, Cost(), 0
        self._settled = asyncio.Condition()

    def holds(self, wanted: Cost) -> bool:
        """Say whether there is room for that now."""
        total = self.spent + self.reserved + wanted
        return (not self.money_micro or total.money_micro <= self.money_micro) and (not self.tokens or total.tokens <= self.tokens)

    def lacks(self, wanted: Cost) -> tuple[str, str]:
        """Return which limit has no room for that, and a sentence about it with its numbers."""
        by_money = bool(self.money_micro) and (self.spent + wanted).money_micro > self.money_micro
        if by_money:
            limit, spent, more = (money(micro) for micro in (self.money_micro, self.spent.money_micro, wanted.money_micro))
        else:
            limit, spent, more = (f"{tokens:,} tokens" for tokens in (self.tokens, self.spent.tokens, wanted.tokens))
        if self.spent == Cost():
            told = f"{limit} is less than one question may cost ({more})"
        else:
            told = f"the budget is spent: {spent} of {limit}, and the next question may need {more}"
        return "limits.money" if by_money else "limits.tokens", told

    async def reserve(self, wanted: Cost) -> bool:
        """Set aside what a question may cost; waits while questions under way may give some back. False: the budget is spent."""
        async with self._settled:
            await self._settled.wait_for(lambda: self.holds(wanted) or not self._under_way)
            if not self.holds(wanted):
                return False
            self.reserved += wanted
            self._under_way += 1
            return True

    async def settle(self, reserved: Cost, used: Cost) -> None:
        """Put what was used in the place of what was reserved."""
        async with self._settled:
            self.reserved -= reserved
            self.spent += used
            self._under_way -= 1
            self._settled.notify_all()


@dataclass(frozen=True, slots=True)
class Preview:
    """What questions would cost: as is likely, and at most, which is what is reserved for them one by one and never above the budget."""

    calls: int
    calls_at_most: int
    likely: Cost
    at_most: Cost
    no_room: bool = False  # the budget is less than one question may cost

    def describe(self) -> str:
        """Spell it for people, as `plan` does."""
        paid = f", {money(self.likely.money_micro)} of money (at most {money(self.at_most.money_micro)})"
        told = f"about {self.calls:,} calls and {self.likely.tokens:,} tokens"
        told += paid * bool(self.at_most.money_micro) + f"; at most {self.calls_at_most:,} calls that are paid"
        return told + "; the budget has no room for a single one" * self.no_room


@dataclass(frozen=True, slots=True)
class Shape:
    """How large questions are: bytes of a body, tokens of a reply, and the share that is asked a second time, with what was wrong."""

    body_bytes: int
    reply_tokens: int
    repaired: float


def preview(teacher: Teacher, requests: int, shape: Shape) -> Preview:
    """Return what `requests` would cost. At most: each asked twice, as long as a reply may be, and again for each reply of no use."""
    calls = round(requests * (1 + shape.repaired))
    likely = cost(teacher.prices, round(calls * shape.body_bytes / BYTES_PER_TOKEN), calls * shape.reply_tokens)
    calls_at_most = requests * 2 * teacher.limits.malformed
    one = cost(teacher.prices, shape.body_bytes + FRAME_TOKENS, teacher.max_reply_tokens)
    at_most = cost(teacher.prices, calls_at_most * one.prompt_tokens, calls_at_most * one.reply_tokens)
    no_room = not Budget(teacher, Cost()).holds(one)
    if budget := allowed_micro(teacher.limits):
        at_most = replace(at_most, money_micro=min(at_most.money_micro, budget))
    return Preview(calls, calls_at_most, likely, at_most, no_room)
