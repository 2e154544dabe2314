"""Where generations are made: one protocol, an adapter for each of the provider's families."""
