"""Alerts: PromQL and alerting rules, read and judged."""
