"""The skill of alerts: a fired alert → meaning, impact, ordered checks, next command; or a condition → an alerting rule."""
