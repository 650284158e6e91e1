"""Options that several commands share, and their types. Nothing is sent or written here."""
