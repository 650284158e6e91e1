"""What an export looks like while it runs; the command line and the blocking calls share it."""
