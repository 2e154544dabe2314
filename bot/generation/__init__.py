"""Generations: from the quote to the charge or the release, each step a row that moves before anything else does."""
