"""The league: pretrained models, the same without pretraining, and character n-grams, on tasks × seeds."""
