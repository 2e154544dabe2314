-- What a provider may still bring for a user is not waited for any more.
UPDATE generation_late SET state = 'ended'
  FROM generation WHERE generation.id = generation_id AND generation.user_id = $1::bigint AND generation_late.state = 'awaited'
