"""Procedural manifests: intents drawn from open vocabularies, kind by kind."""
