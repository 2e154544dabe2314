-- Who is to be rewarded for the first top-up of somebody; no row when nobody is, or was already.
UPDATE referral SET settled_at = now()
  FROM users
 WHERE invitee = $1::bigint AND settled_at IS NULL AND users.id = inviter
   AND EXISTS (SELECT FROM ledger_account AS account
                 JOIN ledger_entry AS entry ON entry.account_id = account.id
                 JOIN ledger_transaction AS posted ON posted.id = entry.transaction_id
                WHERE account.user_id = $1::bigint AND account.name = 'available' AND posted.kind = 'topup')
RETURNING inviter, users.language
