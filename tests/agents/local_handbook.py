"""Twelve short passages as a handbook of Switchboard holds them, numbered as a prompt numbers them."""

from __future__ import annotations

from core.events import Source

_PASSAGES = (
    ("general/what-is-switchboard.md", "What is Switchboard?", "", """
Switchboard is a chat and analytics app for teams that build LangGraph agents. It gives everyone one place to talk to the team's agents, and it records what every answer cost in time, tokens and money.

You get three things in one process:

- **Chat**: real-time answers from several agents, with sources and a stop button.
- **Compare**: the same question to two or more models, side by side.
- **Analytics**: latency, time to first token, tokens and cost by model, agent and day.

It runs with `streamlit run` and keeps its data in a folder of SQLite files. No API key is needed to start.
"""),
    ("general/install.md", "Install and run", "", """
Switchboard needs Python 3.11 or newer.

1. Clone the repository and open its folder.
2. Create a virtual environment and install the packages:
   ```bash
   python -m venv .venv
   .venv/bin/pip install -r requirements.txt
   ```
3. Start the app:
   ```bash
   .venv/bin/streamlit run streamlit_app.py
   ```
4. Open http://localhost:8501 in a browser.

The first start takes a few seconds longer because the knowledge base is indexed.
"""),
    ("technical/models.md", "Models and keys", "Add a key", """
Without a key, Switchboard answers with its built-in answerer, which quotes the documents. To use a provider's models, put a key into the file `.env` in the project folder and restart the app:

```bash
OPENAI_API_KEY=sk-...
```

For Amazon Bedrock set `AWS_REGION` and the usual AWS credentials. Keys are read from the environment only; they are never written to the database or shown on a page. The Settings page shows which providers are ready.
"""),
    ("technical/own-graph.md", "Add your own graph", "", """
You can use any compiled LangGraph graph whose state has `messages`. Put a module with a function `build()` into `agents/graphs/` and register it in the settings:

```python
def build():
    graph = StateGraph(MessagesState)
    ...
    return graph.compile()
```

1. Create `agents/graphs/my_graph.py` with a function `build()` that returns the compiled graph.
2. Add `my_graph=agents.graphs.my_graph:build` to `SWITCHBOARD_GRAPHS`.
3. Restart the app and choose the graph above the chat box.

Streaming, stop, analytics and comparison work without further code.
"""),
    ("technical/data.md", "Where data is stored", "", """
All data stays in the folder `data/` on the server. It can be moved with `SWITCHBOARD_DATA_DIR`.

| File | Holds | Safe to delete |
| --- | --- | --- |
| `data/app.db` | threads, messages, preferences and feedback | no |
| `data/checkpoints.db` | the agents' working memory | yes |
| `data/analytics.db` | metrics of every run | yes, figures are lost |
| `data/knowledge.db` | the search index of the documents | yes, it is rebuilt |

For several machines, each file can be replaced by a Postgres URL.
"""),
    ("billing/cost.md", "How cost is computed", "", """
The cost of an answer is the sum of its model calls. For each call, Switchboard multiplies the tokens the provider reported by the prices in `core/catalog.toml` that were valid on that day. Cached input tokens are charged at the cached price.

When a model has no known price, its cost is shown as unknown and never as zero. Calls to the built-in answerer cost nothing. Amounts are in US dollars and do not include taxes.
"""),
    ("technical/metrics.md", "What the figures mean", "Time to first token", """
Time to first token (TTFT) is the time from sending a question until the first word of the answer appears. It is what people feel as speed. A high TTFT usually comes from a slow connection, a long prompt or a model that thinks before it writes.

Latency is the time from sending a question until the answer is complete. The dashboard shows the median (p50) and the 95th percentile (p95) of both.
"""),
    ("general/chat.md", "Using the chat", "Stop an answer", """
Click **Stop** below the answer to end it at once. The text written so far is kept, and the connection to the model is closed, so that no further tokens are paid for. You can ask again or edit your question afterwards.

Closing the browser tab does not stop an answer: it goes on in the background and is there when you come back.
"""),
    ("general/compare.md", "Compare models", "", """
The Compare page sends one question to two, three or four models at the same time and shows the answers side by side. Under each answer stand its time to first token, total time, tokens and cost.

To compare models:

1. Open **Compare** in the sidebar.
2. Choose the models.
3. Type a question and press Enter.
4. Vote for the better answer. In blind mode the names are hidden until you have voted.

Votes feed the ranking on the Models page.
"""),
    ("technical/routing.md", "How a question finds its agent", "", """
The supervisor chooses one of five specialists for each question: technical, billing, policy, general or data. First the ten best passages vote with their area; when the vote is clear, no model is asked. Otherwise a small router model decides.

The badge above an answer shows which agent answered and why. You can pin an agent in the sidebar, and then every question goes to it.
"""),
    ("policy/privacy.md", "Privacy", "What leaves the server", """
Questions, answers and metrics are stored on your server only. Switchboard has no telemetry. When a provider's model is configured, the question, the conversation and the retrieved passages are sent to that provider; with the built-in answerer nothing leaves the machine.

You can delete a conversation at any time from its menu. Deleted conversations are removed from the database at once and from backups after 30 days. Administrators can set a retention time with `SWITCHBOARD_RETENTION_DAYS`.
"""),
    ("technical/troubleshooting.md", "Troubleshooting", "", """
**The app does not start: port 8501 is in use.** Another process uses the port. Start with `streamlit run streamlit_app.py --server.port 8502`.

**"Invalid API key".** The provider refused the key. Check `.env` for spaces and restart the app.

**Answers are slow.** Look at time to first token on the Analytics page. If it is high, choose a smaller model or shorten the documents in the prompt.

**No sources are shown.** The knowledge folder is empty or was not indexed; open Settings and click **Index again**.
"""),
)  # fmt: skip

HANDBOOK = tuple(
    Source(
        n=n,
        passage_id=f"p{n}",
        document=document,
        title=title,
        heading=heading,
        area=document.split("/")[0],
        text=text.strip(),
    )
    for n, (document, title, heading, text) in enumerate(_PASSAGES, start=1)
)
