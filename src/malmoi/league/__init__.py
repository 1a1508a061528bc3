"""The league: pretrained models, the same models without pretraining and a bag of characters, on tasks × seeds."""
