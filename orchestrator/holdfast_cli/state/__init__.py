"""`holdfast state`: the state of one key of a virtual object or workflow, shown and changed."""
