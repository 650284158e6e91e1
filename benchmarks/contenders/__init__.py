"""The contenders: each module runs in its own process and gets the file of a task."""
