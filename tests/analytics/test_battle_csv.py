"""Files of battles become ballots: every known form, every fault by its line, nothing by half."""

from __future__ import annotations

import gzip
import json
from hashlib import sha256

import pytest

from analytics.imports.values import Rejected
from analytics.ranking import battle_csv, battle_file
from analytics.ranking.battle_csv import Imported, read_battles
from core.comparison import Ballot, Traits
from core.errors import InvalidInput

NOW_US = 1_800_000_000_000_000
AT_US = 1_682_351_591_130_000


def read(text: str | bytes, name: str = "battles.csv", **mapping: str) -> Imported:
    data = text.encode() if isinstance(text, str) else text
    return read_battles(data, name, mapping or None, now_us=NOW_US)


def lines(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def faults(found: Imported) -> list[tuple[int, str]]:
    return [(fault.line, fault.reason) for fault in found.faults]


def outcomes(found: Imported) -> list[tuple[str, tuple[tuple[int, ...], ...]]]:
    return [(ballot.outcome, ballot.order) for ballot in found.ballots]


A, B = ("pick", ((0,),)), ("pick", ((1,),))
TIE, BAD, SKIP = ("tie", ()), ("both_bad", ()), ("skip", ())


def test_a_row_of_fastchat_becomes_a_ballot_with_all_it_says() -> None:
    found = read(
        lines(
            "question_id,model_a,model_b,winner,judge,turn,anony,language,tstamp",
            "q7,vicuna-13b,koala-13b,model_b,arena_user_9,1,True,English,1682351591.13",
        )
    )
    assert found.ballots == (
        Ballot(
            voter="arena_user_9",
            contestants=("vicuna-13b", "koala-13b"),
            outcome="pick",
            order=((1,),),
            question="q7",
            at_us=AT_US,
            slices={"language": "English", "turn": "1"},
        ),
    )
    assert found.faults == ()


def test_what_was_guessed_is_given_back_and_can_be_changed() -> None:
    text = lines("left,right,vote,who,extra", "x,y,left,ann,z")
    found = read(text)
    assert dict(found.columns) == {"model_a": "left", "model_b": "right", "winner": "vote"}
    assert found.present == ("left", "right", "vote", "who", "extra")
    changed = read(text, model_a="right", model_b="left", voter="who", category="extra")
    assert changed.ballots == (
        Ballot(
            voter="ann",
            contestants=("y", "x"),
            outcome="pick",
            order=((0,),),
            slices={"category": "z"},
        ),
    )


def test_a_field_can_be_left_out_by_an_empty_column() -> None:
    text = lines("model_a,model_b,winner,judge", "x,y,tie,ann")
    assert read(text, voter="").ballots[0].voter == "row 2"


@pytest.mark.parametrize(
    ("word", "result"),
    [
        ("model_a", A),
        ("Model A", A),
        ("[[A]]", A),
        ("left", A),
        ("x", A),
        ("model_b", B),
        ("B", B),
        ("right", B),
        ("y", B),
        ("tie", TIE),
        ("Draw", TIE),
        ("tie (bothbad)", BAD),
        ("both_bad", BAD),
        ("bothbad", BAD),
        ("skip", SKIP),
    ],
)
def test_winners_are_known_by_many_words(
    word: str, result: tuple[str, tuple[tuple[int, ...], ...]]
) -> None:
    assert outcomes(read(lines("model_a,model_b,winner", f"x,y,{word}"))) == [result]


def test_a_model_named_like_a_side_is_meant_by_its_name() -> None:
    assert outcomes(read(lines("model_a,model_b,winner", "B,A,A"))) == [B]


def test_kaggles_three_columns_of_ones_and_zeros_are_counts() -> None:
    found = read(
        lines(
            "id,model_a,model_b,prompt,winner_model_a,winner_model_b,winner_tie",
            "1,x,y,Hi,1,0,0",
            "2,x,y,Hi,0,1,0",
            "3,y,x,Hi,0,0,1",
        )
    )
    assert outcomes(found) == [A, B, TIE]
    assert found.summary.shape == "counts"
    assert [ballot.voter for ballot in found.ballots] == ["row 2", "row 3", "row 4"]


def test_a_row_that_counts_battles_becomes_as_many_ballots() -> None:
    found = read(lines("model_a,model_b,wins_a,wins_b,ties", "x,y,2,1,1", "y,z,0,3.0,"))
    assert outcomes(found) == [A, A, B, TIE, B, B, B]
    assert len({ballot.voter for ballot in found.ballots}) == 7
    assert found.summary.models == (("y", 7), ("x", 4), ("z", 3))


def test_a_square_table_says_how_often_rows_beat_columns() -> None:
    found = read(lines(",x,y,z", "x,-,2,0", "y,1,9,", "z,0,1,-"))
    assert [(b.contestants, b.order) for b in found.ballots] == [
        (("x", "y"), ((0,),)),
        (("x", "y"), ((0,),)),
        (("x", "y"), ((1,),)),
        (("y", "z"), ((1,),)),
    ]
    assert (found.summary.shape, dict(found.columns), faults(found)) == ("matrix", {}, [])


def test_a_square_table_with_shares_or_missing_rows_lists_them() -> None:
    found = read(lines(",x,y,z", "x,-,0.4,1", "y,0.6,-,1", "q,1,1,1"))
    assert faults(found) == [
        (4, "the row is not named as one of the columns is, or is there twice"),
        (1, "the column 'z' has no row"),
        (2, "wins_a is not a whole number"),
    ]


def test_faults_are_listed_by_line_and_stop_nothing() -> None:
    found = read(
        lines(
            "model_a,model_b,winner,tstamp",
            "x,y,model_a,1682351591",
            "x,x,model_a,1682351591",
            "x,y,maybe,1682351591",
            "x,,model_a,1682351591",
            "x,y,,1682351591",
            "x,y",
            "x,y,1,1682351591",
            f"{'x' * 201},y,tie,1682351591",
            "x,\u200b,tie,1682351591",
            "x,y,tie,yesterday",
            "x,y,tie,12",
            "x,y,tie,1900000000",
            "x,y,model_b,",
        )
    )
    assert outcomes(found) == [A, B]
    assert faults(found) == [
        (3, "the same model is on both sides"),
        (4, "the winner is neither a side nor a tie"),
        (5, "model_b is empty"),
        (6, "there is no winner"),
        (7, "2 cells, but the header has 4"),
        (8, "the winner is neither a side nor a tie"),
        (9, "model_a is longer than 200 characters"),
        (10, "model_b is not readable text"),
        (11, "the time is neither in ISO format nor a number"),
        (12, "the time is before the year 2000"),
        (13, "the time is in the future"),
    ]
    assert found.faults[1] == Rejected(
        line=4, reason="the winner is neither a side nor a tie", text="maybe"
    )
    assert (found.summary.rows, found.summary.battles, found.summary.faults) == (13, 2, 11)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("1.5,0", "wins_a is not a whole number"),
        ("-1,0", "wins_a is not a number from 0 up"),
        ("nan,0", "wins_a is not a number from 0 up"),
        ("0,1e30", "wins_b is not a number from 0 up"),
        ("0,2000000", "wins_b is more than 1,000,000"),
        ("many,0", "wins_a is not a number from 0 up"),
        ("0,", "no battles are counted"),
    ],
)
def test_counts_that_cannot_be_are_faults(cells: str, reason: str) -> None:
    found = read(lines("model_a,model_b,wins_a,wins_b", f"x,y,{cells}", "x,y,1,0"))
    assert (faults(found), len(found.ballots)) == ([(2, reason)], 1)


@pytest.mark.parametrize(
    "cell",
    [
        "1682351591.13",
        "1682351591130",
        "1682351591130000",
        "1682351591130000000",
        "2023-04-24T15:53:11.130Z",
        "2023-04-24 15:53:11.13",
        "2023-04-24T17:53:11.130+02:00",
    ],
)
def test_times_are_understood_in_every_usual_form(cell: str) -> None:
    found = read(lines("model_a,model_b,winner,timestamp", f"x,y,tie,{cell}"))
    assert [ballot.at_us for ballot in found.ballots] == [AT_US]
    assert (found.summary.since_us, found.summary.until_us) == (AT_US, AT_US)


def test_names_are_cleaned_and_the_same_after_it() -> None:
    found = read(lines("model_a,model_b,winner", '" x \t1",y\u202e,a', "x 1,y,a"))
    assert {ballot.contestants for ballot in found.ballots} == {("x 1", "y")}


def test_a_byte_that_is_no_text_refuses_its_row_only() -> None:
    found = read(b"model_a,model_b,winner\nx\xff,y,a\nx,y,b\n")
    assert (faults(found), outcomes(found)) == ([(2, "model_a is not readable text")], [B])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gzip"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_files_of_spreadsheets_are_read_as_they_come(encoding: str, delimiter: str) -> None:
    text = lines("model_a,model_b,winner", "zürich,東京,model_b").replace(",", delimiter)
    data = gzip.compress(text.encode()) if encoding == "gzip" else text.encode(encoding)
    assert [b.contestants for b in read(data).ballots] == [("zürich", "東京")]


def test_json_lines_keep_their_measures_and_the_numbers_of_bad_lines() -> None:
    row = {
        "model_a": "x",
        "model_b": "y",
        "winner": "tie",
        "evaluation_session_id": "s1",
        "language": None,
        "conversation_a": [{"role": "user", "content": "Hi"}],
        "conv_metadata": {
            "sum_assistant_a_tokens": 120,
            "sum_assistant_b_tokens": 80,
            "header_count_a": {"h1": 1, "h2": 2},
            "header_count_b": {"h1": 0},
            "list_count_a": {"ordered": 3, "unordered": 1},
            "bold_count_b": {"**": 5, "__": 0},
        },
    }
    found = read(lines(json.dumps(row), "{broken", "[1]", json.dumps(row)), "votes.jsonl")
    assert faults(found) == [(2, "the line is not JSON"), (3, "it is not a JSON object")]
    assert found.ballots[0] == Ballot(
        voter="s1",
        contestants=("x", "y"),
        outcome="tie",
        traits=(
            Traits(tokens=120, headings=3, list_items=4),
            Traits(tokens=80, headings=0, bold=5),
        ),
    )


def test_a_json_list_is_read_up_to_where_it_breaks() -> None:
    rows = [{"model_a": "x", "model_b": "y", "win": "model_a", "anony": False}] * 2
    text = json.dumps(rows, indent=1).removesuffix("\n]") + ', {"model_a": '
    found = read(text, "clean_battle.json")
    assert (len(found.ballots), found.summary.revealed) == (2, 2)
    assert found.ballots[0].flags == ("revealed",)
    assert faults(found) == [(3, "from here on the file is not JSON")]


def test_measures_in_a_cell_of_a_table_are_read_too() -> None:
    cell = "\"{'sum_assistant_a_tokens': 12, 'sum_assistant_b_tokens': 0}\""
    found = read(lines("model_a,model_b,winner,conv_metadata", f"x,y,tie,{cell}", "x,y,tie,?"))
    assert [ballot.traits for ballot in found.ballots] == [
        (Traits(tokens=12), Traits(tokens=0)),
        (Traits(), Traits()),
    ]


def test_the_same_file_gives_the_same_ballots_and_equal_rows_are_different_battles() -> None:
    text = lines("model_a,model_b,winner", "x,y,a", "x,y,a")
    first, again = read(text), read(text, "another name.csv")
    assert first == again
    assert first.summary.digest == sha256(text.encode()).hexdigest()
    assert [ballot.voter for ballot in first.ballots] == ["row 2", "row 3"]


def test_the_summary_says_what_a_page_shows_before_it_keeps_anything() -> None:
    found = read(
        lines(
            "model_a,model_b,winner,user", "x,y,a,u1", "x,y,tie,u1", "y,z,both_bad,u2", "y,z,skip,"
        )
    )
    summary = found.summary
    assert (summary.shape, summary.rows, summary.battles, summary.faults) == ("battles", 4, 4, 0)
    assert (summary.ties, summary.both_bad, summary.skipped, summary.voters) == (1, 1, 1, 3)
    assert read(lines("model_a,model_b,winner", "x,y,a")).summary.voters is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The file is empty or has no header line."),
        ("model_a,winner\nx,a\n", "No column of the file looks like model_b."),
        ("model_a,model_b\nx,y\n", "No column of the file says who won."),
        ("{}\n", "The file has no JSON object in it."),
        (b"\x1f\x8b\x08\x00", "The file is damaged or cut off: "),
        (b"\xff\xfea", "The file is damaged UTF-16 text."),
        (b'{"model_a": "\xff"}', "The file is not UTF-8 text."),
    ],
)
def test_a_file_that_cannot_be_read_at_all_says_why(text: str | bytes, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(text)
    assert refused.value.message.startswith(sentence)


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ({"winner": "nope"}, "The file has no column 'nope' (for winner)."),
        ({"loser": "model_b"}, "A battle has no 'loser'."),
        ({"winner": ""}, "No column of the file says who won."),
    ],
)
def test_a_choice_that_cannot_be_is_refused(mapping: dict[str, str], sentence: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(lines("model_a,model_b,winner", "x,y,a"), **mapping)
    assert refused.value.message == sentence


def test_too_many_rows_or_battles_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(battle_csv, "MAX_ROWS", 3)
    monkeypatch.setattr(battle_csv, "MAX_BATTLES", 5)
    header = "model_a,model_b,wins_a,wins_b"
    assert len(read(lines(header, "x,y,3,2")).ballots) == 5
    with pytest.raises(InvalidInput, match="The file counts more than 5 battles"):
        read(lines(header, "x,y,3,2", "x,y,1,0"))
    with pytest.raises(InvalidInput, match="The file has more than 3 rows"):
        read(lines(header, *["x,x,1,0"] * 4))


def test_a_file_beyond_the_size_is_refused_packed_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(battle_file, "MAX_BYTES", 2_000_000)
    for data in (b"x" * 2_000_001, gzip.compress(b"x" * 2_000_001)):
        with pytest.raises(InvalidInput, match="The file is larger than 2 MB"):
            read(data)


@pytest.mark.slow
def test_a_hundred_thousand_battles_are_read_whole() -> None:
    row = "m{},m{},model_a,u{},1682351591.13,{},{}"
    text = lines(
        "model_a,model_b,winner,judge,tstamp,sum_assistant_a_tokens,sum_assistant_b_tokens",
        *(row.format(k % 20, (k + 1) % 20, k % 999, k % 700, k % 300) for k in range(100_000)),
    )
    found = read(text)
    assert (found.summary.battles, found.summary.voters, found.summary.faults) == (100_000, 999, 0)
