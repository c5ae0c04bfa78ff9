"""A scripted model provider over real loopback HTTP: OpenAI's protocol and Amazon Bedrock's.

    with ProviderServer() as server:
        server.script(Reply(text="Hello"), Reply(status=429, headers={"retry-after": "2"}))
        ... talk to server.openai_url or server.bedrock_url ...
        assert server.requests[0].model == "gpt-4o-mini"

Standard library only, so it may be used by tests and by bench without any provider package.
"""

from tests.provider.reply import Fault, Reply, ToolCall, Usage
from tests.provider.server import ProviderServer, refused_url
from tests.provider.wire import Recorded

__all__ = ["Fault", "ProviderServer", "Recorded", "Reply", "ToolCall", "Usage", "refused_url"]
