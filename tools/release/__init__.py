"""What a release needs: its source, the notices in it, and a check before it is tagged."""
