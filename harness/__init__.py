"""Grades the MNIST 99.4 % exercise: collects evidence, judges it by a rubric, reports."""

__version__ = "0.1.0"
