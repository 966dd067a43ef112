from support.fixtures import recipe_file, store, toy_domain

__all__ = ["recipe_file", "store", "toy_domain"]
