"""Webhooks out: what happens here, told to endpoints of other systems. Triggers write the rows, workers send them."""
