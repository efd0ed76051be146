"""Passwords of tests: one round instead of a million, whose hashes programs with the usual settings can check."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class OneRoundHasher(PBKDF2PasswordHasher):
    iterations = 1
