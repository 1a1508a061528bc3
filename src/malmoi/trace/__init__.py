"""One sentence through all stages: cleaner, morphemes, tokens, masks, what a checkpoint predicts."""
