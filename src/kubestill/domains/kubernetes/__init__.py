"""Kubernetes: schemas, checks, intents, phrasing, suites; `kubernetes.py` holds the domain object."""
