"""Decisions about files: names, ZIP structure, extraction plans, verification. Opens nothing."""
