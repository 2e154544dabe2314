-- Everything that migrations make in the schema, one line each, as text that is equal when the objects are.
WITH tables AS (
    SELECT oid, relname, relkind, reloptions FROM pg_class
     WHERE relnamespace = to_regnamespace($1::text) AND relkind IN ('r', 'p', 'v', 'm', 'S')
)
SELECT 'table' AS kind, relname::text AS name,
       concat_ws(' ', relkind, CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) END,
                 (SELECT string_agg(o, ',' ORDER BY o) FROM unnest(reloptions) AS o)) AS definition
  FROM tables
UNION ALL
SELECT 'column', relname || '.' || attname,
       concat_ws(' ', format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'not null' END,
                 'identity ' || nullif(attidentity::text, ''), 'generated ' || nullif(attgenerated::text, ''),
                 'default ' || pg_get_expr(adbin, adrelid))
  FROM tables
  JOIN pg_attribute ON attrelid = tables.oid AND attnum > 0 AND NOT attisdropped
  LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
 WHERE relkind IN ('r', 'p')
UNION ALL
-- NOT NULL is told by the column; since PostgreSQL 18 it is a constraint too.
SELECT 'constraint', relname || '.' || conname, pg_get_constraintdef(pg_constraint.oid)
  FROM tables JOIN pg_constraint ON conrelid = tables.oid AND contype <> 'n'
UNION ALL
SELECT 'index', indexrelid::regclass::text,
       concat_ws(' ', pg_get_indexdef(indexrelid, 0, true), CASE WHEN NOT indisvalid THEN '(half built)' END)
  FROM tables JOIN pg_index ON indrelid = tables.oid
UNION ALL
SELECT 'trigger', relname || '.' || tgname, concat_ws(' ', pg_get_triggerdef(pg_trigger.oid, true), tgenabled)
  FROM tables JOIN pg_trigger ON tgrelid = tables.oid AND NOT tgisinternal
UNION ALL
SELECT 'function', pg_proc.oid::regprocedure::text,
       concat_ws(' ', prokind, lanname, provolatile, proparallel, CASE WHEN proisstrict THEN 'strict' END, CASE WHEN prosecdef THEN 'definer' END,
                 pg_get_function_arguments(pg_proc.oid), 'returns', pg_get_function_result(pg_proc.oid),
                 array_to_string(proconfig, ','), coalesce(pg_get_function_sqlbody(pg_proc.oid), prosrc))
  FROM pg_proc JOIN pg_language ON pg_language.oid = prolang
 WHERE pronamespace = to_regnamespace($1::text)
UNION ALL
SELECT 'type', typname,
       concat_ws(' ', typtype, format_type(nullif(typbasetype, 0), typtypmod),
                 (SELECT string_agg(quote_literal(enumlabel), ',' ORDER BY enumsortorder) FROM pg_enum
                   WHERE enumtypid = pg_type.oid))
  FROM pg_type
 WHERE typnamespace = to_regnamespace($1::text) AND typtype IN ('d', 'e')
