import pytest

from core.language import guess


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How is the cost of an answer computed?", "en"),
        ("Wie wird der Preis einer Antwort berechnet?", "de"),
        ("Comment est calculé le coût d'une réponse ?", "fr"),
        ("¿Cómo se calcula el coste de una respuesta?", "es"),
        ("Jak jest obliczany koszt odpowiedzi?", "pl"),
        ("回答のコストはどのように計算されますか？", "ja"),
        ("答案的费用是如何计算的？", "zh"),
        ("Как считается стоимость ответа?", "ru"),
        ("12 + 30 = ?", None),
        ("", None),
        ("SELECT", None),
    ],
)
def test_the_language_of_a_question_is_guessed(text: str, language: str | None) -> None:
    assert guess(text) == language
