-- Who invited somebody that is here for the first time; nobody invites himself, and a stranger or a banned user nobody.
INSERT INTO referral (invitee, inviter)
SELECT $1::bigint, id FROM users WHERE id = $2::bigint AND id <> $1::bigint AND banned_at IS NULL
    ON CONFLICT (invitee) DO NOTHING
