"""A new kind is one entry in one dict: one toy of each, added from inside a test and run to its end."""
