"""Resilience (requirement rows S3.*): retries, a limit in one transaction, a cache that falls back, answers."""
