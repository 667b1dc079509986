"""`holdfast invocations`: find them, look at one, follow one, and operate one or many."""
