import subprocess
import sys

from kubestill.pipeline.memory import PeakMemory, family_bytes

CHILD = "import time; block = bytearray(64 * 2**20); print('there', flush=True); time.sleep(120)"


def test_memory_of_children_counts() -> None:
    before = family_bytes()
    with PeakMemory() as peak, subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "there\n"
        during = family_bytes()
        child.kill()
    assert during - before > 60 * 2**20
    assert peak.peak_bytes >= before


def test_what_was_let_go_before_the_end_is_still_the_peak() -> None:
    with PeakMemory() as peak:
        block = bytearray(b"x") * (96 * 2**20)
        held = family_bytes()
        peak._look()  # the sampling thread would, half a second later
        del block
    assert peak.peak_bytes >= held
