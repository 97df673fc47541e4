"""What Lambda charges."""
