"""The stages of an export and what coordinates them; no HTTP, SQL or file I/O of its own."""
