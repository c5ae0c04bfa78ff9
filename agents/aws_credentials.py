"""Whether AWS credentials can be found, without making a client or calling AWS."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)
BEDROCK_SIGNING_NAME = "bedrock"
METADATA_SERVICE = "iam-role"


def credentials_found(*, ask_metadata_service: bool) -> bool:
    """Blocking: reads files, and may run a credential process or ask a metadata service for a
    second or two. The machine's own service is left out unless asked for."""
    import botocore.session

    session = botocore.session.Session()
    try:
        if session.get_auth_token(signing_name=BEDROCK_SIGNING_NAME) is not None:
            return True
        if not ask_metadata_service:
            session.get_component("credential_provider").remove(METADATA_SERVICE)
        return session.get_credentials() is not None
    except Exception:  # a broken profile is a reason to say "not configured", not to stop
        log.warning("AWS credentials cannot be read", exc_info=True)
        return False
