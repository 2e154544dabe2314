-- What a user asked for is taken out of all that has ended, and out of quotes, which end with that.
UPDATE generation
   SET inputs = '{}', result_url = NULL, failure_text = NULL, uploads = NULL,
       state = CASE state WHEN 'quoted' THEN 'expired' ELSE state END,
       settled_at = coalesce(settled_at, now())
 WHERE user_id = $1::bigint AND (inputs::text <> '{}' OR result_url IS NOT NULL OR failure_text IS NOT NULL OR state = 'quoted')
