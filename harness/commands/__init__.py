"""The door: one module a command, and what a user types and sees."""
