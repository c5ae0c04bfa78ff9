from agents.comparing.labels import full_label, short_labels
from core.comparison import Configuration

NAMES = {"openai:gpt-4o-mini": "GPT-4o mini", "local:extractive": "Local"}
MINI = Configuration(model="openai:gpt-4o-mini")


def labels(*configurations: Configuration) -> list[str]:
    return short_labels(configurations, lambda model: NAMES[model])


def test_models_that_differ_are_their_names() -> None:
    assert labels(MINI, Configuration(model="local:extractive"), Configuration()) == [
        "GPT-4o mini",
        "Local",
        "Automatic",
    ]


def test_agents_on_the_same_model_are_the_agents() -> None:
    react = Configuration(model="openai:gpt-4o-mini", graph="react")
    pinned = Configuration(model="openai:gpt-4o-mini", agent="billing")
    assert labels(MINI, react, pinned) == ["Supervisor", "ReAct agent", "Billing"]


def test_an_option_names_also_those_without_it() -> None:
    cold = Configuration(model="openai:gpt-4o-mini", temperature=0.0)
    assert labels(MINI, cold) == ["usual temperature", "temperature 0"]


def test_equal_configurations_are_numbered() -> None:
    assert labels(MINI, MINI) == ["GPT-4o mini (1)", "GPT-4o mini (2)"]


def test_the_full_label_has_every_option() -> None:
    one = Configuration(
        model="openai:gpt-4o-mini", retrieval="none", prompt="v2", temperature=0.5, fallback=True
    )
    assert full_label(one, lambda model: NAMES[model]) == (
        "GPT-4o mini, Supervisor, no documents, prompt v2, temperature 0.5, with fallback"
    )


def test_a_model_that_stands_alone_needs_no_options() -> None:
    whole = Configuration(model="openai:gpt-4o-mini", retrieval="cag")
    local = Configuration(model="local:extractive")
    assert labels(MINI, whole, local) == ["GPT-4o mini", "GPT-4o mini, whole documents", "Local"]
