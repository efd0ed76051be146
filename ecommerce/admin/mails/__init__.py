"""The texts of mails: what staff may change, with a preview and a test."""
