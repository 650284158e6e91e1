"""The commands, one or two per file: options in, an exit code out."""
