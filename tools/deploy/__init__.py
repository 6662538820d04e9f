"""What goes to Lambda: a stage, the module in vendor/, and what stops a bad package."""
