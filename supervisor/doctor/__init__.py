"""What could keep this machine, this environment or this database from running Vigil well: checks that change nothing."""
