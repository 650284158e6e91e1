"""Reports of an export, from its journal: computed first, then written and drawn."""
