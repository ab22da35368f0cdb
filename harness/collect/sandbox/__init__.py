"""The sandbox: processes for submitted code, the walls around them, and what they may use."""
