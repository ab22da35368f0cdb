"""The first stage: a submission becomes evidence. Must not know rubric checks or reports."""
