"""What stands between sockets and Django: limits on size and time, and no thread for a slow client."""
