"""`holdfast dev`: the whole of Holdfast in one process."""
