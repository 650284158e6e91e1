"""The calls of the service that list what there is, and get one of it."""
