"""Transfers packages from signed URLs into verified partial files.

Calls to the API and file system access belong elsewhere: `export` and `destinations` have them.
"""
