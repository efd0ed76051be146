"""The acts on orders, one module each, in three steps: request (one transaction), execute (at Stripe), apply (one)."""
