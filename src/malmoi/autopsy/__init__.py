"""Known ELECTRA bugs planted on purpose, to see which alarm catches which."""
