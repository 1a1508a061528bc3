"""What tests start from, small and made by the real stages: texts, corpora, tokenizers, shards, runs,
checkpoints, labelled files, and a reporter that keeps what it hears. Plain functions that are given a folder;
`tests/conftest.py` has fixtures of what is read and never changed."""
