"""What the verbs of the command line do: one file a noun, one function a verb, each returning an exit code."""
