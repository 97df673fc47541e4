"""What is under test: from directories and names to functions, their variants and events."""
