"""HTTP: the only folder that imports httpx and tenacity."""
