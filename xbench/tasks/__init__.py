"""One task a file; the file's name is the task's name. Files that begin with an underscore are helpers."""
