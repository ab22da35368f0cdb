"""The third stage: a scorecard becomes text. Must not know how anything was measured."""
