"""One module per schema version, in the order of their numbers. A published version is never edited."""
