"""Ranges, segments, checksums, expiry, addresses and error codes of the storage. No I/O."""
