"""What the speed benchmarks share: the text, the contenders, how they take turns. Not run by itself."""
