-- What a generation brought: one row for each place, in order.
INSERT INTO generation_result (generation_id, place, kind, size, url, content)
SELECT $1::bigint, found.place - 1, found.kind, found.size, found.url, found.content
  FROM unnest($2::text[], $3::bigint[], $4::text[], $5::text[]) WITH ORDINALITY AS found (kind, size, url, content, place)
ON CONFLICT (generation_id, place) DO NOTHING
