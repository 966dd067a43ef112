"""Pretraining: documents become the weights of a student, which training goes on from."""

from typing import Any, ClassVar

from kubestill.ground.errors import UserError, near
from kubestill.ground.stage import Done, Inputs, Job, What
from kubestill.stages.training.settings import PretrainingWhat
from kubestill.stages.training.stage import Training


class Pretraining(Training):
    """Fills a weights folder from the corpus; the mix gives the words of a new student, and what is replayed."""

    name: ClassVar[str] = "pretraining"
    version: ClassVar[int] = 2
    what: ClassVar[type[What]] = PretrainingWhat
    inputs: ClassVar[Inputs] = {"mix": "curation", "documents": "corpus"}

    def wanted(self, what: PretrainingWhat) -> bool:
        """A recipe wants it where it gives it tokens."""
        return what.tokens > 0

    def ready(self, what: PretrainingWhat, domain: Any) -> None:
        """Refuse settings that cannot be meant, before a run begins.

        Raises:
            UserError: the domain has no such form, or two curricula are asked for at once.
            Unavailable: adapters are asked for, and PEFT is not installed.
        """
        what.adapter.refuse()
        forms = domain.forms()
        for form in what.forms:
            if form not in forms:
                raise UserError("pretraining.forms", f"no such form: {form!r}", near(form, forms) or f"known: {', '.join(forms)}")
        what.domains.refuse(self.name, ("form",), what)
        if what.order == "forms" and what.domains.by:
            raise UserError("pretraining.order", "rows cannot come both form by form and by shares of domains", "set domains.by to nothing")
        if what.order == "forms" and what.curriculum:
            raise UserError("pretraining.curriculum", "rows cannot come both by form and by length", 'set it to 0, or order = "shuffled"')

    def prepare(self, job: Job, processes: int) -> Done:
        """Put what is learned from into `job.out`, once: the tokenizer, chat.json and the encoded rows."""
        from kubestill.stages.training import documents

        return documents.prepare_documents(job, processes)


STAGE = Pretraining()
