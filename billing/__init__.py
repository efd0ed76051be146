"""Money: cards, invoices, payments, refunds. The only part that speaks to Stripe."""
