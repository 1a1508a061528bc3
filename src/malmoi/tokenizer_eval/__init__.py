"""Tokenizers side by side on one text, before anything is paid for: sizes, cuts, answers, speed.

It lies right of `tasks`, because what an extractive task can still answer is one of the measures.
"""
