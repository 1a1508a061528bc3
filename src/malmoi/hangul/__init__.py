"""Hangul as Unicode writes it: one spelling, NFC, and particles."""
