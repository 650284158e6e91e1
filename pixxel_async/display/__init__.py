"""The progress displays, shared by the command line and the blocking functions."""
