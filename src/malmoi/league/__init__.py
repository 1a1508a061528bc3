"""The league: pretrained models, the same without pretraining, and a bag of characters, on tasks × seeds."""
