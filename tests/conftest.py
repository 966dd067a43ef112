import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported: several test processes share the cores

from hypothesis import settings

from support.fixtures import recipe_file, store, toy_domain

__all__ = ["recipe_file", "store", "toy_domain"]

settings.register_profile("untimed", deadline=None)  # machines are noisy
settings.load_profile("untimed")
