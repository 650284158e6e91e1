"""The SQLite journal of an export folder, and the lock on the folder; sends no requests."""
