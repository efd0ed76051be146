"""Mails about orders: which act writes which, and what they say."""
