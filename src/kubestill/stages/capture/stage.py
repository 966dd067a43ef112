"""Capture: a mix and a teacher become the teacher's signals, which training learns from.

A teacher is a folder that is asked about the very tokens that training will see, or a server that answers the requests itself.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from kubestill.ground.errors import Unavailable, UserError
from kubestill.ground.fingerprint import digest
from kubestill.ground.settings import usable_cores
from kubestill.ground.stage import Done, How, Inputs, Job, What
from kubestill.tools.modeling.bases import find_base


class CaptureWhat(What):
    """Whose signals, of what. Left out where no teacher is named."""

    teacher: str = Field("", description="Teacher: the name of a packaged student, or a folder with weights. Empty: none, or a server.")
    base_url: str = Field(
        "", description="Server that speaks OpenAI's chat completions and returns log-probabilities (http://host:8000/v1)."
    )
    model: str = Field("", description="The server's model; may be left out where it has one only.")
    top_k: int = Field(16, ge=1, le=1024, description="Likeliest words that are kept of each token's distribution.")
    codec: Literal["steps", "half"] = Field("steps", description="Log-probabilities in a byte each, or in half precision (tools/signals).")
    max_tokens: int = Field(512, ge=16, description="As training.max_tokens: the longest sample, request and answer.")
    answers: float = Field(1.0, gt=0, le=1, description="As training.answers.")
    hidden: float = Field(0.0, ge=0, lt=1, description="As training.hidden.")
    requests: int = Field(0, ge=0, description="Requests of the mix that a server is asked, the first ones; 0: all. Unread with a folder.")
    passed: bool = Field(True, description="Keep a server's answer only where it passes every check. Unread with a folder.")


class CaptureHow(How):
    """How a teacher is asked."""

    processes: int = Field(0, ge=0, description="Processes of one thread each that ask a folder's model; 0: as many as cores.")
    batch_tokens: int = Field(4096, ge=64, description="Tokens that a process reads at once.")
    concurrent: int = Field(8, ge=1, le=256, description="Questions that a server is asked at a time.")


class Capture:
    """Fills a folder of signals, with the teacher's tokenizer and chat.json or the server's answers as a mix of their own."""

    name: ClassVar[str] = "capture"
    version: ClassVar[int] = 2
    what: ClassVar[type[What]] = CaptureWhat
    how: ClassVar[type[How]] = CaptureHow
    inputs: ClassVar[Inputs] = {"mix": "curation"}
    output: ClassVar[str] = "signals"

    def wanted(self, what: CaptureWhat) -> bool:
        """Say whether a teacher is named."""
        return bool(what.teacher or what.base_url)

    def parts(self, what: CaptureWhat) -> Mapping[str, Any]:
        """Return the teacher's digest, which the signals hang on; a server is known by its name alone.

        Raises:
            UserError: there is no such teacher.
        """
        return {"teacher": digest(find_base(what.teacher))} if what.teacher else {}

    def ready(self, what: CaptureWhat, domain: Any) -> None:
        """Refuse two teachers at once.

        Raises:
            UserError: a folder and a server are named.
        """
        del domain
        if what.teacher and what.base_url:
            raise UserError("capture", "teacher and base_url are both given", "name one")

    def run(self, job: Job) -> Done:
        """Ask the teacher, going on where an earlier run stopped.

        Raises:
            UserError: the teacher cannot be used, or nothing of the mix can.
            Unavailable: a package is not installed, or the server is not there.
        """
        try:
            if job.what.teacher:
                from kubestill.stages.capture.local import capture

                return capture(job, job.how.processes or usable_cores())
            from kubestill.stages.capture.served import capture_served

            return capture_served(job)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("kubestill"):
                raise
            extra = "train" if job.what.teacher else "http"
            raise Unavailable(f"capture needs {error.name}", f"pip install 'kubestill[{extra}]'") from None


STAGE = Capture()
