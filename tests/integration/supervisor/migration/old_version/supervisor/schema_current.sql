-- The schema that holds our tables: the first one on the path.
SELECT current_schema()
