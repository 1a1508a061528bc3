"""What all kinds of tokenizers share when they encode: characters, words, windows."""
