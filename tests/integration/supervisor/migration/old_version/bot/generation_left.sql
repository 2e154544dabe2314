-- What an earlier run left between its row and the provider's answer.
SELECT id FROM generation WHERE state = 'submitting' ORDER BY id
