"""The fault matrix: each case provoked for real."""
