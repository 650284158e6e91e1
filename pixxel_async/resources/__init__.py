"""The nouns of the service, one per file, with the same verbs in each."""
