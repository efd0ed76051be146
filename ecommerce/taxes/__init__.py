"""Which taxes a sale has: where it is taxed (`supply`), and at which rates of the table (`table`)."""
