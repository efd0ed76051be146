"""Users who sign in, customers, addresses, and the actors of acts and events."""
