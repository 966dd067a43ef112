"""Intents → English as people write it, by composition of parts; a fifth of the parts is kept for evaluation."""
