"""When a pending package is polled, and what its packaging times teach. No clock is read here."""
