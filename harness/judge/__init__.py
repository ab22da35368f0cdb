"""The second stage: evidence becomes a scorecard. Must not know torch, files or reports."""
