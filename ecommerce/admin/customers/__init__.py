"""The customer page, whose tabs show orders and invoices."""
