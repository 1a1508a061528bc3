"""One sentence through the whole pipeline: cleaner, morphemes, tokens, masks, what a checkpoint predicts."""
