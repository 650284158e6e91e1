"""Who downloads: each module is a process of its own, given a file that says what to do."""
