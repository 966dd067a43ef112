"""A student's folder, read by Hugging Face's own classes, gives the logits that ours does."""

from pathlib import Path

import torch

from kubestill.ground.errors import KubestillError
from kubestill.tools.modeling.load import load_student
from kubestill.tools.modeling.students import make_student

PLACES = 48
TOLERANCE = 1e-3  # logits are of the order of ten; fp32 sums in another order differ by 1e-5


def verify_folder(folder: Path) -> float:
    """Load `folder` with AutoModelForCausalLM and return the largest gap between its logits and ours.

    Raises:
        KubestillError: the gap is more than rounding.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    shown, told = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    # It warns that its states are read without a GPU's kernels, which is what we compare with.
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    theirs.train(False)
    layout, flat = load_student(folder)
    ids = torch.arange(PLACES)[None] * 7 % layout.arch.vocabulary
    with torch.no_grad():
        wanted = theirs(ids).logits[0]
    logging.set_verbosity(told)
    if shown:
        logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        gap = float((wanted - make_student(layout, flat, flat).logits(ids, torch.arange(PLACES))).abs().max())
    if not gap <= TOLERANCE:
        raise KubestillError(f"{folder}: Hugging Face's logits differ from ours by {gap:.3g}")
    return gap
