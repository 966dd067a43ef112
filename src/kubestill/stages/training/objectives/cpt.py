"""Continued pretraining: cross-entropy on every token of documents, and on the answers of what is replayed beside them.

What is a label, `stages/training/documents.py` has decided when it wrote the rows; the loss is the one of sft.
"""

from kubestill.stages.training.objectives.sft import Sft


class Cpt(Sft):
    """Learns to write documents as they stand."""
