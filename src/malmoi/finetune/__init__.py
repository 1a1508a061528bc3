"""Fine-tuning: a pretrained encoder and a task's rows in, a tuned model, its scores and its answers out."""
