"""The embedded Korean sample: a grammar and a lexicon of our own that write a messy corpus and labelled sets.

It proves that every stage is wired to the next and that pretraining is felt; it says nothing about quality.
"""
