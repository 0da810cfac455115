"""The same work on ranvier and on the frameworks people use today, measured in fresh processes, in one report."""
