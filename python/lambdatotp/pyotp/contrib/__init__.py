"""What is not in an RFC."""

from .steam import Steam as Steam
