"""What app.py needs: its configuration and the HTTP it has in common."""
