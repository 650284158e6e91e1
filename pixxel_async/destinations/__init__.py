"""Where the bytes land."""
