"""Files as people have them: bytes of any encoding in, lines and rows out."""
