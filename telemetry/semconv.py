"""The names of OpenTelemetry's conventions that our spans use.

They stand here because the published package marks the GenAI and messaging names as moved and will drop them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ERROR_TYPE: Final = "error.type"

SERVICE_NAME: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
SERVICE_INSTANCE_ID: Final = "service.instance.id"

HTTP_REQUEST_METHOD: Final = "http.request.method"
HTTP_ROUTE: Final = "http.route"
HTTP_RESPONSE_STATUS_CODE: Final = "http.response.status_code"
SERVER_ADDRESS: Final = "server.address"

MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_DESTINATION_NAME: Final = "messaging.destination.name"
MESSAGING_OPERATION_NAME: Final = "messaging.operation.name"
MESSAGING_OPERATION_TYPE: Final = "messaging.operation.type"
MESSAGING_MESSAGE_ID: Final = "messaging.message.id"

DB_SYSTEM_NAME: Final = "db.system.name"
DB_OPERATION_NAME: Final = "db.operation.name"
DB_QUERY_SUMMARY: Final = "db.query.summary"

GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_OUTPUT_TYPE: Final = "gen_ai.output.type"
GEN_AI_RESPONSE_ID: Final = "gen_ai.response.id"

VIGIL_EPOCH: Final = "vigil.epoch"
VIGIL_OUTCOME: Final = "vigil.outcome"
VIGIL_ATTEMPTS: Final = "vigil.attempts"
VIGIL_CREDITS: Final = "vigil.credits"
VIGIL_CANCELLED: Final = "vigil.cancelled"


def _messaging(operation: str, destination: str) -> Mapping[str, str]:
    return {
        MESSAGING_SYSTEM: "vigil",
        MESSAGING_DESTINATION_NAME: destination,
        MESSAGING_OPERATION_NAME: operation,
        MESSAGING_OPERATION_TYPE: operation,
    }


SEND_UPDATES: Final = _messaging("send", "inbox")
"""What the span of a request that stores an update is about; the others are the ends of the links that go on from it."""
PROCESS_UPDATES: Final = _messaging("process", "inbox")
PROCESS_MESSAGE: Final = _messaging("process", "outbox")
