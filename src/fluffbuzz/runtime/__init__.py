"""Async orchestration over ports: it performs what pure code decides, and imports no adapter."""
