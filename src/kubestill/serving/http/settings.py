"""How the API is served: where, to whom, how much at once."""

import ipaddress
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kubestill.ground.errors import UserError

MIN_KEY = 16  # characters: what is shorter is guessed
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")  # by which a browser on this machine may ask


class HttpSettings(BaseModel):
    """Settings of the API; all limits but those of keys hold for each worker process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """Address to listen on; any but loopback needs a key."""
    port: int = Field(default=8080, ge=0, le=65535)
    """0: one that is free."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes, each with its own models."""
    keys: tuple[str, ...] = Field(default=(), repr=False)
    """Any of these opens the API; none: it is open to everyone on this machine."""
    hosts: tuple[str, ...] = ()
    """Names by which it may be asked besides loopback's, where there are no keys: another name is a page that reached for us."""
    rows: int = Field(default=8, ge=1, le=1024)
    """Answers that are written at once."""
    queue: int = Field(default=32, ge=0, le=100_000)
    """Answers that may wait for a row; what comes beyond gets 429."""
    timeout_seconds: float = Field(default=120.0, gt=0)
    """From a request's arrival to the end of its answer."""
    header_timeout_seconds: float = Field(default=10.0, gt=0)
    """From a connection to the end of its first request's headers."""
    body_timeout_seconds: float = Field(default=20.0, gt=0)
    """For a request's body, and for a client to take each part of an answer."""
    keep_alive_seconds: int = Field(default=30, ge=1)
    """For an idle connection."""
    drain_seconds: float = Field(default=60.0, ge=0)
    """After SIGTERM, for what is under way; new requests get 503."""
    max_body_bytes: int = Field(default=1 << 20, ge=1)
    """Of a request."""
    requests_per_minute: int = Field(default=0, ge=0)
    """For each key, over all workers; 0: no limit."""
    tokens_per_minute: int = Field(default=0, ge=0)
    """Prompts and answers together, for each key, over all workers; 0: no limit."""
    trace_content: bool = False
    """Whether OpenTelemetry spans hold requests and answers."""
    shared: Path | None = None
    """Folder that the workers share, where there are several: their metrics, and what keys have used."""

    @model_validator(mode="after")
    def _open_to_whom(self) -> Self:
        for number, key in enumerate(self.keys, 1):
            if len(key) < MIN_KEY or not key.isascii() or not key.isprintable() or " " in key:
                raise UserError(
                    f"API key {number}", f"shorter than {MIN_KEY} characters, or one that no header can carry", "openssl rand -hex 24"
                )
        if not self.keys and not is_loopback(self.host):
            raise UserError(
                f"--host {self.host}",
                "others can reach it, and there is no API key",
                "set KUBESTILL_API_KEYS or give --api-key-file, or listen on 127.0.0.1",
            )
        return self


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
