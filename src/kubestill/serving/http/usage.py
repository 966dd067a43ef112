"""Tokens that a request has used, in OpenAI's form."""

from collections.abc import Sequence

from pydantic import BaseModel

from kubestill.serving.http.errand import Done


class PromptDetails(BaseModel):
    """Of the prompt's tokens: those that a cached answer had read before."""

    cached_tokens: int = 0


class Usage(BaseModel):
    """Tokens read and written; the prompt of several choices is counted once for each."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails = PromptDetails()


def usage_of(done: Sequence[Done]) -> Usage:
    """Return what answers have used together."""
    read = sum(one.answer.reply.prompt_tokens for one in done)
    written = sum(one.answer.reply.tokens for one in done)
    cached = sum(one.answer.reply.prompt_tokens for one in done if one.said.cached)
    return Usage(
        prompt_tokens=read,
        completion_tokens=written,
        total_tokens=read + written,
        prompt_tokens_details=PromptDetails(cached_tokens=cached),
    )
