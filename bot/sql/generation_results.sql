-- What a generation brought, in order; an older version knew one picture and its address only.
SELECT place, kind, size, url, content, file_id, sent_as FROM generation_result WHERE generation_id = $1::bigint
 UNION ALL
SELECT 0, 'png', 1, result_url, NULL, NULL, NULL FROM generation
 WHERE id = $1::bigint AND result_url IS NOT NULL
   AND NOT EXISTS (SELECT FROM generation_result WHERE generation_id = $1::bigint)
 ORDER BY place
