"""Benchmarks: what the service does per second on this machine, beside a bare consumer and a Celery pipeline."""
