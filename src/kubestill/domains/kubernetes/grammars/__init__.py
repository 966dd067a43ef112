"""The grammars of answers: manifests by the schema of a cluster version, kubectl commands by its reference."""
