"""What Holdfast's Lambda functions are made of: one process, its engine, and one module per function's work."""
