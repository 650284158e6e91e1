"""Writes, checks and extracts files at their destination; no network access belongs here."""
