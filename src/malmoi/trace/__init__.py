"""One sentence along the whole road: cleaner, morphemes, tokens, masks, what a checkpoint predicts."""
