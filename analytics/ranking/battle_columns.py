"""Which column of a file of battles is what: known names, a guess from them, and a person's choice.

Knows names of columns only; what their cells mean is read in `battle_cells`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from core.errors import InvalidInput

BattleField = Literal[
    "model_a",
    "model_b",
    "winner",
    "wins_a",
    "wins_b",
    "ties",
    "both_bad",
    "voter",
    "question",
    "time",
    "language",
    "category",
    "turn",
    "anonymous",
    "tokens_a",
    "tokens_b",
    "headings_a",
    "headings_b",
    "list_items_a",
    "list_items_b",
    "bold_a",
    "bold_b",
]
BATTLE_FIELDS: tuple[BattleField, ...] = get_args(BattleField)
COUNTS: tuple[BattleField, ...] = ("wins_a", "wins_b", "ties", "both_bad")
SLICES: tuple[BattleField, ...] = ("language", "category", "turn")
METADATA = "conv_metadata"
"""The column in which arena files keep an object with what was measured of the answers."""

# What columns are called in files of FastChat, LMArena, Kaggle's copies of them, evaluation tools
# and in tables of sports. Compared in lower case without separators; the first that is there wins.
_NAMES: Mapping[BattleField, str] = {
    "model_a": "modela model1 model1id modelaname modelleft left playera player1 teama team1 "
    "hometeam home contestanta systema itema a",
    "model_b": "modelb model2 model2id modelbname modelright right playerb player2 teamb team2 "
    "awayteam away contestantb systemb itemb b",
    "winner": "winner win vote outcome verdict preference preferred choice chosen result judgment "
    "judgement label",
    "wins_a": "winsa awins win1 wins1 winnermodela homewins winsmodela acount",
    "wins_b": "winsb bwins win2 wins2 winnermodelb awaywins winsmodelb bcount",
    "ties": "ties tie draws draw winnertie tiecount",
    "both_bad": "bothbad tiebothbad",
    "voter": "voter voterid judge judgehash judgeid judgemodel user userid username annotator "
    "annotatorid rater evaluator evaluationsessionid sessionid",
    "question": "questionid promptid questionhash prompthash caseid taskid question",
    "time": "tstamp timestamp time createdat createdatus votedat date datetime",
    "language": "language lang",
    "category": "category categorytag topic task taskcategory",
    "turn": "turn turns",
    "anonymous": "anony anonymous blind",
    "tokens_a": "sumassistantatokens sumassistanttokensa tokensa outputtokensa lengtha",
    "tokens_b": "sumassistantbtokens sumassistanttokensb tokensb outputtokensb lengthb",
    "headings_a": "headercounta headersa headingsa",
    "headings_b": "headercountb headersb headingsb",
    "list_items_a": "listcounta listsa listitemsa",
    "list_items_b": "listcountb listsb listitemsb",
    "bold_a": "boldcounta bolda",
    "bold_b": "boldcountb boldb",
}
_HELP = "Choose the columns by hand, or name them model_a, model_b and winner in the file."


def guess(columns: Sequence[str]) -> dict[BattleField, str]:
    """Field -> column, from the names alone. Fields that no column fits are not there."""
    plain = {re.sub(r"[^a-z0-9]", "", column.lower()): column for column in reversed(columns)}
    found: dict[BattleField, str] = {}
    for name, spellings in _NAMES.items():
        column = next((plain[known] for known in spellings.split() if known in plain), None)
        if column is not None and column not in found.values():
            found[name] = column
    if _tells_the_winner(found) and "winner" in found:
        for name in COUNTS:
            found.pop(name, None)
    return found


def choose(columns: Sequence[str], wanted: Mapping[str, str] | None) -> dict[BattleField, str]:
    """The guess, with each field of `wanted` as it says; an empty name leaves the field out.

    Raises InvalidInput for a field or column that does not exist and for a choice that names no
    contestants or no result.
    """
    chosen = guess(columns)
    known: Mapping[str, BattleField] = {name: name for name in BATTLE_FIELDS}
    for name, column in (wanted or {}).items():
        if name not in known:
            raise InvalidInput(
                f"A battle has no '{name[:60]}'.", what_to_do=f"It may have: {', '.join(known)}."
            )
        if column and column not in columns:
            raise InvalidInput(
                f"The file has no column '{column[:100]}' (for {name}).", what_to_do=_HELP
            )
        chosen.pop(known[name], None)
        if column:
            chosen[known[name]] = column
    _check(chosen)
    return chosen


def _check(chosen: Mapping[BattleField, str]) -> None:
    for name in ("model_a", "model_b"):
        if name not in chosen:
            raise InvalidInput(f"No column of the file looks like {name}.", what_to_do=_HELP)
    if not _tells_the_winner(chosen):
        raise InvalidInput(
            "No column of the file says who won.",
            what_to_do="Choose a column with the winner, or the two with the wins of each side.",
        )


def _tells_the_winner(chosen: Mapping[BattleField, str]) -> bool:
    return "winner" in chosen or {"wins_a", "wins_b"} <= set(chosen)
