-- One after the other: whoever counts what is free, and takes of it, until this transaction ends.
SELECT pg_advisory_xact_lock(hashtext('vigil'), hashtext('free'))
