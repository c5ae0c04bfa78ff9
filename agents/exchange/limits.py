"""How large a file and what is in it may be. Every number is a refusal with a sentence, never a crash."""

MB = 1_000_000

MAX_FILE_BYTES = 2_000 * MB
"""Of a file in the import folder, and of what an archive unpacks to."""
MAX_UPLOAD_MB = 210
"""Of a file that comes through the browser: 200 of either kind of megabyte."""
MAX_ENTRY_BYTES = 64 * MB
"""Of one conversation: the only thing that is held in memory as a whole."""
MAX_NESTING = 50_000
MAX_MESSAGES = 20_000
MAX_TEXT_CHARS = 2_000_000
MAX_THINKING_CHARS = 200_000
MAX_FILES_BYTES = 50 * MB
"""Of the files of one conversation."""
MAX_TITLE_CHARS = 200
MAX_TAGS, MAX_TAG_CHARS = 50, 60
MAX_CONVERSATIONS = 200_000

MAX_ARCHIVE_NAMES = 100_000
MAX_ARCHIVE_DIRECTORY_BYTES = 32 * MB
MAX_RATIO = 200
"""Unpacked to packed. Conversations as text come to about 30."""
