-- For each table of the schema, the query that counts its rows as far as migrations put some there.
SELECT relname::text AS name, format('SELECT count(*) FROM (SELECT FROM %I LIMIT 1000) AS counted', relname) AS query
  FROM pg_class
 WHERE relnamespace = to_regnamespace($1::text) AND relkind IN ('r', 'p')
