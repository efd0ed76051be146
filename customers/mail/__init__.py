"""Mail: an outbox row is written by whoever has something to say, and sent by a worker."""
