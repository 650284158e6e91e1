"""The documentation: its site, its examples, and that it names everything."""
