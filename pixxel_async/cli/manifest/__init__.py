"""Reads manifests, JSON Lines and CSV, and names the line of each mistake. Downloads nothing."""
