-- Make this transaction see one schema only, so that nothing else is found, and names are shown without it.
SELECT set_config('search_path', quote_ident($1::text), true)
