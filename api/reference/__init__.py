"""The API's reference as a page: made on the server from the OpenAPI document, without a script.

Not Swagger UI or ReDoc: they are 1 to 3 MB of somebody else's JavaScript, want inline scripts that the
Content-Security-Policy of this house forbids, and are hard to read on a phone.
"""

from api.reference.page import reference_page

__all__ = ["reference_page"]
