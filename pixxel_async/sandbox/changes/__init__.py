"""The calls of the service that change what there is, and the world that they change."""
