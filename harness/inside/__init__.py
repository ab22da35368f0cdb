"""The only code that shares a process with a submission: untrusted, whatever it says."""
