"""Calls of the service and their answers as data: paths, bodies, pages. Sends nothing."""
