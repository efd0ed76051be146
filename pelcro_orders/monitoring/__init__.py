"""What is seen of the running system: heartbeats, readiness, metrics, and the page System."""
