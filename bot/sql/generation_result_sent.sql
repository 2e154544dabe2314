-- Telegram has these files, under these ids, as what they were sent as.
UPDATE generation_result SET file_id = sent.file_id, sent_as = sent.sent_as
  FROM unnest($2::integer[], $3::text[], $4::text[]) AS sent (place, file_id, sent_as)
 WHERE generation_id = $1::bigint AND generation_result.place = sent.place
