"""The service's nouns, one a file, with the same verbs in each."""
