"""The front door of the staff: signing in, second factor, invitations, sessions."""
