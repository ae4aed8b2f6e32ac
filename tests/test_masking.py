"""Text of complaints: not stored unless asked for, and then without names, phones, e-mails and addresses."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from conftest import NOW
from making import incidents

from analytics.imports import import_files, rejects
from analytics.masking import masked
from analytics.schema import table_names
from analytics.store import Store

PERSONAL = [  # what is written, and what must be left of it
    ("Меня зовут Иванов Иван Иванович, замёрзли", "Меня зовут …, замёрзли"),
    ("ИВАНОВА МАРИЯ ПЕТРОВНА просит убрать снег", "… просит убрать снег"),
    ("петрова мария ивановна просит тепла", "… просит тепла"),
    ("С уважением, Петров А.В.", "С уважением, …"),
    ("А. В. Сидоров не отвечает", "… не отвечает"),
    ("Иван Петров и Ольга обещали, но Сергей Сергеевич отказал", "… и … обещали, но … отказал"),
    ("Гражданка Зюзюкина жалуется на Магомедова Али Гасан оглы", "… жалуется на …"),
    ("Бабушке Зинаиде Ильиничне 90 лет", "… 90 лет"),
    ("Пишу за маму, Надежду Фёдоровну Кузнецову", "Пишу за маму, …"),
    ("My name is John Smith and the lights are out", "My … and the lights are out"),
    ("Mrs. Johnson complains about noise", "… complains about noise"),
    ("звоните 8 (900) 123-45-67, +7 900 123 45 67 или 5-33-44", "звоните … или …"),
    ("телефон 8.900.123.45.67 весь день", "телефон … весь день"),
    ("call +1 555 123 4567 today", "call … today"),
    ("паспорт 4509 123456", "паспорт …"),
    ("пишите на ivan.petrov@mail.ru срочно", "пишите на … срочно"),
    ("видео https://vk.com/id123?w=wall и t.me/durov, спросите @durov", "видео … и …, спросите …"),
    ("[id55|Павел Дуров], помогите", "…, помогите"),
    ("проживаю ул. Ленина, д. 5, кв. 12, третий этаж", "проживаю …, третий этаж"),
    ("во дворе по улице 50 лет Октября 7а темно", "во дворе по … темно"),
    ("На Гагарина 15/2 прорвало трубу", "На … прорвало трубу"),
    ("ленинский проспект 10 кв 5: нет воды", "…: нет воды"),
    ("Советская ул., 5 и Садовый пер. 3-12 без света", "… и … без света"),
    ("мкр. Северный, 14, не работает лифт", "…, не работает лифт"),
    ("у дома №8а подъезд 2 лёд", "у … лёд"),
    ("I live at 123 N Main Street Apt 4, no heat", "I live at …, no heat"),
    ("noise at 45 W 34th St every night", "noise at … every night"),
]
HARMLESS = [
    "Почему не работает светофор? Вода ржавая с 01.03.2026, обещали 10.03.",
    "Школа № 5 не отапливается, в классах 12 градусов, 20 учеников болеют",
    "на улице темно и холодно, верните отопление. Верно ли, что магазин закрыт?",
    "Автобус 12 ходит раз в 40 минут, ждём третий день с 5 марта 2026",
    "Когда уберут снег в Калужской области? Дороги не чищены 3 дня",
    "The streetlight has been out for 2 weeks, please fix",
]


def mask(written: str | None, sender: str | None = None) -> str | None:
    with duckdb.connect() as connection:
        connection.execute("create table texts (written varchar, sender varchar)")
        connection.execute("insert into texts values ($written, $sender)", {"written": written, "sender": sender})
        (left,) = connection.execute(f"select {masked('written', 'sender')} from texts").fetchone() or (None,)
        return left


@pytest.mark.parametrize(("written", "left"), PERSONAL, ids=[written for written, _ in PERSONAL])
def test_what_tells_a_person_is_masked_and_nothing_else(written: str, left: str) -> None:
    assert mask(written) == left


@pytest.mark.parametrize("written", HARMLESS)
def test_what_tells_nobody_stays(written: str) -> None:
    assert mask(written) == written


def test_the_sender_is_masked_even_under_a_name_that_no_rule_knows() -> None:
    assert mask("Шмяк пишет вам, я, Бздых, замёрз", "Бздых Шмяк") == "… пишет вам, я, …, замёрз"
    assert mask("Вода ржавая", "") == mask("Вода ржавая", "ж а") == "Вода ржавая"
    assert mask(None, "Бздых") is None


# In the store

TEXT = "Сидоров Пётр Ильич, ул. Ленина, д. 5, кв. 12, тел. 8 900 123-45-67, ivan@mail.ru: в квартире холодно"
TRACES = ("Сидоров", "Ильич", "Ленина", "123-45", "ivan@", "Бздых")
ROWS = [{"Текст инцидента": TEXT, "Автор": "Бздых"}, {"Дата создания": "31.02.2026", "Текст инцидента": TEXT}]


def everything(store: Store) -> str:
    """All that the store says, as one text."""
    return "".join(store.query(f"select * from {table}").to_csv() for table in table_names())


def test_without_being_asked_the_store_keeps_nothing_of_a_text(store: Store, tmp_path: Path) -> None:
    file = incidents(tmp_path / "a.csv", ROWS, extra=["Автор"])
    (result,) = import_files(store, [file], now=NOW)
    assert (result.new, result.rejected) == (1, 1)
    assert "Текст инцидента" in result.left_out
    assert store.query("select count(text) from complaints").iloc[0, 0] == 0
    assert [trace for trace in (*TRACES, "холодно", "квартире") if trace in everything(store)] == []
    assert "Текст инцидента" not in rejects(store, result.import_id)
    assert list(store.staging().iterdir()) == []


def test_a_text_that_is_kept_says_what_happened_and_not_to_whom(store: Store, tmp_path: Path) -> None:
    file = incidents(tmp_path / "a.csv", ROWS, extra=["Автор"])
    (result,) = import_files(store, [file], keep_text=True, now=NOW)
    assert store.query("select text from complaints")["text"].tolist() == ["…, тел. …: в квартире холодно"]
    assert [trace for trace in TRACES if trace in everything(store)] == []
    assert "Текст инцидента" not in rejects(store, result.import_id)  # not masked well enough to be mended by hand
    (again,) = import_files(store, [file], now=NOW)
    assert (again.updated, again.unchanged) == (0, 1)  # what is not given erases nothing
    assert store.query("select count(text) from complaints").iloc[0, 0] == 1
