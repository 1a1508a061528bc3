"""What a run says of itself: metrics, probes, alarms."""
