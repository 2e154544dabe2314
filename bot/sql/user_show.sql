-- A user as an operator sees one.
SELECT id, language, created_at, unreachable_at IS NOT NULL AS is_unreachable, banned_at,
       (SELECT inviter FROM referral WHERE invitee = users.id) AS inviter,
       (SELECT count(*) FROM (SELECT FROM referral WHERE inviter = users.id LIMIT 1000) AS few) AS invited,
       (SELECT count(*) FROM (SELECT FROM generation WHERE user_id = users.id AND state = 'charged' LIMIT 1000) AS few) AS made,
       (SELECT max(quoted_at) FROM (SELECT quoted_at FROM generation WHERE user_id = users.id ORDER BY id DESC LIMIT 1) AS newest)
           AS last_at
  FROM users WHERE id = $1::bigint
