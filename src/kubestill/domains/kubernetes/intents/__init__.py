"""Intents of Kubernetes manifests: read from one, held against another, built into a third."""
