"""Raw Korean text files in, a corpus artifact out: one sentence per line, a blank line between documents,
and an audit that says what was dropped, why, with samples."""
