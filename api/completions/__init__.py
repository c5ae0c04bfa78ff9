"""OpenAI's protocol for chats, spoken by Switchboard: any program that talks to OpenAI talks to us."""
