"""SentencePiece: unigram and BPE (Kudo and Richardson 2018)."""
