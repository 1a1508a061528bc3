"""Tasks: published files and users' tables as labelled texts, and how answers are scored."""
