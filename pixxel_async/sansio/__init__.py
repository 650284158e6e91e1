"""Decisions: no waiting, no HTTP, no clock, no randomness; time and jitter are arguments."""
