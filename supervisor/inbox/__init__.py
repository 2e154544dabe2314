"""The durable inbox: accept, claim, order, handle."""
