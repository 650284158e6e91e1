"""The stages of an export: ask, wait, fetch, and the book that is kept of it."""
