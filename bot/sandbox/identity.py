"""What a bot and its sandbox agree on: ids, token and keys, none of them secret."""

from __future__ import annotations

from typing import Final

BOT_ID: Final = 7_000_000_001
"""The bot that the chat page talks to until another one shows up."""
TOKEN: Final = f"{BOT_ID}:sandbox"
USER_ID: Final = 1001
"""The person that `sandbox say` is."""
ADMIN_ID: Final = 1000
PROVIDER_KEY: Final = "sandbox-provider-key"
CALLBACK_KEY: Final = "sandbox-callback-key"
"""Signs the provider's callbacks until the fault provider_callback_key says otherwise."""
