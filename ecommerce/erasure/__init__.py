"""Erase a person: orders and invoices stay, with amounts, dates, country and tax; whose they were goes."""
