"""kubectl commands: read as a shell and kubectl read them, judged against the whole command tree, told apart by what they do."""
