"""When pending packages are polled, and what their packaging times say about those to come.

Nothing here reads a clock or a file.
"""
