"""Does an answer give away which model wrote it? Votes on such answers are flagged, not deleted.

Names alone, no style: of the model, its family, its maker or its seller. A name that the question or
the sources hold gives nothing away, because any model would repeat it. What writers say of themselves
is read in English, German, French, Spanish, Italian, Portuguese, Dutch and Polish.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from agents.evaluation.model_names import MAKERS, VARIANTS, makers_of, own_patterns, own_words
from core.text_features import prose_of

_EVERYBODY = "|".join([*(maker.plain for maker in MAKERS), *(maker.spoken for maker in MAKERS)])
_GAP = r"[\s,:;*_\"“”'‘’«()-]+"
_MARK = r"[\s*_\"“'‘«(]*"
# Words that may stand between "I am" and a name.
_WORDS = (
    r"(?:a|an|the|ai|artificial|intelligence|large|language|multimodal|generative|helpful|"
    r"conversational|virtual|chat|model|assistant|chatbot|bot|system|agent|llm|version|variant|"
    r"member|part|of|are|family|series|called|named|known|as|which|that|was|is|am|been|actually|just|"
    r"simply|currently|also|and|by|from|based|on|powered|running|built|created|made|developed|"
    r"trained|designed|provided|team|researchers|engineers|inventors|scientists|company|at|s)"
)
_FILLER = rf"(?:{_WORDS}{_GAP}){{0,14}}"
_MADE = r"(?:trained|developed|created|made|built|designed|engineered|powered|produced)"
_MODEL = r"(?:model|assistant|chatbot|system|ai|llm)"
_KIND = (
    r"(?:(?:large|small|multimodal|generative)\s+){0,3}(?:ai|artificial intelligence|language|chat)?"
    rf"\s*{_MODEL}?"
)
# What may follow a name before "I" does: "As Claude Sonnet 4.5, a model by Anthropic, I".
_VERSION = rf"(?:-(?:\d\w*|{VARIANTS}|WORDS)\b)*"
_TAIL = (
    rf"{_VERSION}(?!\s+(?:is|was|are|and)\b)"
    rf"(?:{_GAP}(?:(?:NAMES){_VERSION}|\d[\w.]*|WORDS)){{0,12}}{_GAP}"
)
_I_AM = r"\b(?:I am|I['’]m|my name is|call me|you(?: a|['’])re (?:talking|speaking|chatting) (?:to|with))"
_WRITTEN_BY = (
    r"\bthis (?:answer|response|reply|text|message) (?:was|is|comes) (?:\w+ )?(?:by|from|with)\s+"
)
_SIGNED = r"(?:signed,?\s|model:|(?:answered|written|generated) (?:by|with))"
# Not "Google-certified", but "Claude-Haiku", "OpenAI-based", "Qwen-VL".
_NAME = rf"(?P<name>NAMES)(?!-(?!(?:NAMES|{VARIANTS}|WORDS)\b|\w{{0,2}}\d|\w{{1,2}}\b)\w)"
_SAYS_OF_ITSELF = (
    rf"{_I_AM}[\s,:]+{_MARK}{_FILLER}{_NAME}",
    rf"\bI (?:was|have been|come|run)\s+{_FILLER}{_NAME}",
    rf"\bas an? {_KIND}[\s,]+(?:(?:that|which) (?:was|is) )?(?:{_MADE} (?:and {_MADE} )?by|from|called|named)"
    rf"\s+(?:the )?(?:team at )?{_MARK}{_NAME}",
    rf"\b(?:as|being) an? {_NAME}(?:[- ](?:based|trained|powered))?\s+(?:(?:ai|language|chat)\s+)*{_MODEL}\b",
    rf"\bas {_MARK}{_NAME}{_TAIL}(?:I|my)\b",
    rf"\bmy (?:creators?|developers?|makers?|provider|underlying model)[\s,:]+{_FILLER}{_MARK}{_NAME}",
    rf"(?:^|[.!?\n]\s*){_MADE} by {_MARK}{_NAME}(?=[^.!?\n]{{0,60}}\bI\b)",
    rf"{_NAME} (?:has )?{_MADE} me\b",
    rf"\bI, {_MARK}{_NAME}[*_\"”'’]*,",
    rf"{_WRITTEN_BY}{_MARK}{_NAME}",
    rf"(?:^|\n)[ >*_]{{0,20}}(?:—|–|--|{_SIGNED}){_MARK}{_NAME}[\s*_.)]*(?:\n|$)",
)

# The same in German, French, Spanish, Italian, Portuguese, Dutch and Polish. Names are matched as
# they are written, because "nova", "meta" and "llama" are words of these languages.
# "Sono" is "I am" and "they are": it counts at the beginning of a sentence and before no list.
_SONO = (
    r"(?:(?:^|[.!?\n]\s*|\b(?:io|ciao|salve|buongiorno|sì),?\s+)"
    r"sono(?!\s+\w+(?:,| e| o) (?-i:[A-Z])))"
)
_OTHER_I_AM = (
    r"(?:\b(?:ich bin|bin ich|mein name ist|ich hei(?:ß|ss)e|je suis|je m['’]appelle|mon nom est|soy|"
    r"me llamo|mi nombre es|mi chiamo|il mio nome è|sou|(?:o )?meu nome é|me chamo|chamo-me|"
    rf"ik ben|mijn naam is|ik heet|jestem|nazywam się|mam na imię|moje imię to)|{_SONO})"
)
_OTHER_MADE = (
    r"\b(?:ich (?:wurde|basiere|stamme|komme)|j['’]ai été|fui|he sido|sono stat[oa]|"
    r"ik (?:werd|kom)|został[ae]m|mein (?:entwickler|hersteller|anbieter) ist|"
    r"mon (?:créateur|développeur) est|mi (?:creador|desarrollador) es|"
    r"il mio (?:creatore|sviluppatore) è|(?:o )?meu (?:criador|desenvolvedor) é|"
    r"mijn (?:maker|ontwikkelaar) is|moim twórcą jest|diese antwort|cette réponse|esta respuesta|"
    r"questa risposta|esta resposta|dit antwoord|ta odpowiedź)"
)
_OTHER_WORDS = (
    r"(?:"
    # Articles, prepositions and verbs between the statement and the name.
    r"eine?[rmns]?|de[rmns]?|das?|die|vo[nm]|durch|auf|aus|und|wird|wurde|bin|ist|stammt|"
    r"une?|l[aeo]?|d|du|des|par|et|est|été|qui|a|"
    r"un[oa]?|el|del|por|y|que|fue|ha|sido|"
    r"il|di|dal?|dall[ao]?|dell[ao]?|e|che|è|stat[oa]|"
    r"uma?|os?|do|pel[ao]|foi|een|het|van|door|op|en|dat|is|werd|przez|firm[yęąa]|spółk[ięa]|od|i|"
    r"została?|który|"
    # What a model is, and how it came about.
    r"ki|ia|ai|si|llm|chat|bot|\w{0,20}modell?\w{0,4}|modèles?|\w{0,20}assist\w{0,8}|asist\w*|asyst\w*|chatbot\w*|"
    r"system\w*|système|sistema|sprach|gro(?:ß|ss)\w*|künstliche\w*|intelli[gj]en\w*|inteli[gc]\w*|"
    r"inteligência|artifici\w*|artific\w*|sztuczn\w*|kunstmatige|grand\w*|groot|grote|"
    r"duż\w*|langage|langue|lenguaje|linguistic\w*|linguagem|językow\w*|virtuell?\w*|virtual\w*|"
    r"namens|genannt|nommée?|appelée?|llamad[oa]|chiamat[oa]|chamad[oa]|genaamd|o nazwie|"
    r"entwickel\w*|trainier\w*|erstell\w*|gebaut\w*|generier\w*|geschaffen\w*|"
    r"créée?|développée?|entraînée?|conçue?|générée?|cread[oa]|desarrollad[oa]|entrenad[oa]|"
    r"generad[oa]|creat[oa]|sviluppat[oa]|addestrat[oa]|generat[oa]|criad[oa]|desenvolvid[oa]|"
    r"treinad[oa]|gerad[oa]|basad[oa]|basat[oa]|basead[oa]|gemaakt|ontwikkeld|getraind|gegenereerd|"
    r"stworzon\w*|opracowan\w*|wytrenowan\w*|szkolon\w*|wygenerowan\w*)"
)
_OTHER_FILLER = rf"(?:{_OTHER_WORDS}{_GAP}){{0,14}}"
_OTHER_AS = r"\b(?:als|en tant qu(?:e\s|['’])|como|come|in quanto|enquanto|jako)"
_OTHER_I = (
    r"(?:(?:no|non|não|nie)\s+)?(?:ich|je|j['’]\w+|yo|puedo|soy|tengo|debo|estoy|creo|quiero|"
    r"recomiendo|io|posso|ho|sono|devo|credo|consiglio|eu|sou|tenho|estou|acho|recomendo|ik|mogę|"
    r"jestem|mam|muszę|potrafię|polecam|wiem)\b"
)
_OTHER_MADE_ME = (
    r"(?:entwickelt|trainiert|erstellt|développée?|entraînée?|créée?|desarrollado|entrenado|creado|"
    r"sviluppato|addestrato|creato|ontwikkeld|getraind|gemaakt)"
)
_ANY_CASE = r"openai|anthropic|chatgpt|gpt-?\d\w*"
_OTHER_SAYS_OF_ITSELF = (
    rf"{_OTHER_I_AM}[\s,:]+{_MARK}{_OTHER_FILLER}{_NAME}",
    rf"{_OTHER_MADE}[\s,:]+{_MARK}{_OTHER_FILLER}{_NAME}",
    rf"{_OTHER_AS}\s*{_MARK}{_OTHER_FILLER}{_NAME}{_TAIL}(?:\w+\s+)?{_OTHER_I}",
    rf"{_NAME} (?:hat mich|m['’]a|me ha|mi ha|heeft mij) {_OTHER_MADE_ME}\b",
)

# How a writer gives a name that may be any word: nothing may stand between, and the name ends it.
_END = (
    r"(?=[\s*_\"”'’»)]*(?:[.,;:!?\n—–]|$|\s-\s|\s(?:made|created|developed|trained|built) by\b|"
    r"\s(?:and|und|et) (?:I|my|ich|je)\b))"
)
_NAMES_ITSELF = (
    rf"(?:{_I_AM}|{_OTHER_I_AM})[\s,:]+{_MARK}{_NAME}{_END}",
    rf"(?:\bmy name is|\bcall me)[\s,:]+{_MARK}{_NAME}",
    rf"(?:{_I_AM})\s+{_FILLER}(?:called|named|known as|based on|powered by|running on){_GAP}{_NAME}{_END}",
    rf"(?:^|[.!?\n] ?|\b(?:hi|hello|hey|this is)[,!]? )[*_]{{0,3}}{_NAME}[*_]* (?:here|speaking)(?=[.,!\n]|$)",
    rf"\bI run on\s+{_MARK}{_NAME}{_END}",
    rf"\b(?:I am|I['’]m) the {_MARK}{_NAME}[\s*_\"”'’)]+(?:model|assistant)\b",
    rf"\bas {_MARK}{_NAME}[\s*_\"”'’),]+(?:I|my)\b",
    rf"{_WRITTEN_BY}{_MARK}{_NAME}{_END}",
    rf"(?:^|\n)[ >*_]{{0,20}}{_SIGNED}{_MARK}{_NAME}[\s*_.)]*(?:\n|$)",
    rf"\n\n[ >*_]{{0,20}}(?:—|–|--){_MARK}{_NAME}[\s*_.)]*\Z",
)


def identity_leak(
    text: str, model_ids_and_names: Iterable[str], question: str, sources_text: str
) -> str | None:
    """The name in an answer that gives away who wrote it, as it stands there; None when none does.

    `model_ids_and_names`: of the model that wrote it, such as "openai:gpt-4o-mini", "GPT-4o mini".
    It is a leak when the writer says of itself its own name or that of its maker, whatever was
    asked; when it says so of another one that neither question nor sources hold, because voters
    believe it; and when the name of the model or its maker stands anywhere although neither question
    nor sources hold it. A name of one word, such as "lab:echo", counts only where the writer gives it
    as its own. An own maker among other makers is an overview, not a leak. Code does not count.
    """
    given = list(model_ids_and_names)
    prose, known = _squeezed(prose_of(text)), f"{question}\n{sources_text}"
    own, makers = own_patterns(given), makers_of(given)
    of_own = "|".join([*own, *(m.plain for m in makers), *(m.spoken for m in makers)])
    if name := _said_of_itself(prose, of_own, known):
        return name
    words = "|".join(own_words(given))
    if words and (name := next(_said(_NAMES_ITSELF, _WORDS, words, prose), None)):
        return name
    for pattern in own:
        if (found := _search(pattern, prose)) and not _search(pattern, known):
            return found
    others = "|".join(maker.plain for maker in MAKERS if maker not in makers)
    if _search(others, prose):
        return None
    for maker in makers:
        found = _search(maker.plain, prose)
        asked = _search(maker.plain, known, re.IGNORECASE) or _search(maker.spoken, known)
        if found and not asked:
            return found
    return None


def _said_of_itself(prose: str, of_own: str, known: str) -> str | None:
    names = f"{of_own}|{_EVERYBODY}" if of_own else _EVERYBODY
    said_of_itself = chain(
        _said(_SAYS_OF_ITSELF, _WORDS, names, prose),
        _said(_OTHER_SAYS_OF_ITSELF, _OTHER_WORDS, f"(?-i:{names})|{_ANY_CASE}", prose),
    )
    for said in said_of_itself:
        is_own = bool(of_own) and re.fullmatch(of_own, said, re.IGNORECASE)
        if is_own or not _search(re.escape(said), known, re.IGNORECASE):
            return said
    return None


def _said(statements: Iterable[str], fillers: str, names: str, prose: str) -> Iterator[str]:
    """The names in these statements, in the order of the statements."""
    whole = rf"(?<!\w)(?:{names})(?!\w)"
    for statement in statements:
        pattern = statement.replace("WORDS", fillers).replace("NAMES", whole)
        for said in re.finditer(pattern, prose, re.IGNORECASE):
            yield said["name"]


def _squeezed(text: str) -> str:
    """Without long runs of blanks, which would make reading it slow."""
    lines = re.sub(r" ?\n ?", "\n", re.sub(r"[^\S\n]+", " ", text))
    return re.sub(r"\n{3,}", "\n\n", lines)


def _search(pattern: str, text: str, flags: int = 0) -> str | None:
    found = re.search(rf"(?<!\w)(?:{pattern})(?!\w)", text, flags) if pattern else None
    return found[0] if found else None
