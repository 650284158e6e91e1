"""Retries, rates, circuit breakers, concurrency, stalls: decisions alone, without waits."""
