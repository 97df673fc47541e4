"""coldbench: measure, explain and optimise AWS Lambda cold starts in Go and Python."""

__version__ = "0.1.0"
