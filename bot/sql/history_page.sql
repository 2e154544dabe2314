-- What somebody had made, newest first, $3 rows from number $4 on; of one chat only, if $2 names one.
SELECT id, model_id, inputs, price, state, extract(epoch FROM now() - quoted_at)::double precision AS age,
       EXISTS (SELECT FROM generation_result AS found WHERE found.generation_id = generation.id
                                                        AND (found.file_id IS NOT NULL OR found.content IS NOT NULL))
           AND (state IN ('delivered', 'charged')
                OR EXISTS (SELECT FROM generation_late AS late WHERE late.generation_id = generation.id AND late.state = 'delivered'))
           AS is_here
  FROM generation
 WHERE user_id = $1::bigint AND state NOT IN ('quoted', 'expired') AND ($2::bigint IS NULL OR chat_id = $2::bigint)
 ORDER BY id DESC LIMIT $3::integer OFFSET $4::integer
