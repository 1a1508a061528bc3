"""What pretraining and fine-tuning share: optimizers, schedules, signals, throughput."""
