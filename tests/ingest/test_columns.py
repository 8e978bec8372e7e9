"""Which column of a file is taken for what: by its name in ten languages, and by what stands in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from segcore import errors, job, pipeline
from segcore.ingest.column_names import SYNONYMS, folded
from segcore.ingest.columns import recognise
from tests.transaction_lines import prepared

HEADERS = {
    "German": "Bestell-Nr.;Artikel-Nr.;Bezeichnung;Menge;Bestelldatum;Einzelpreis;Kunden-Nr.;Lieferland",
    "German in capitals": "RECHNUNGSNUMMER;ARTIKELNUMMER;ARTIKELBEZEICHNUNG;STÜCKZAHL;RECHNUNGSDATUM;STÜCKPREIS;KUNDENNUMMER;LAND",
    "French": "N° de commande;Référence produit;Désignation;Quantité;Date de commande;Prix unitaire;N° client;Pays",
    "Spanish": "Número de pedido;Código de producto;Descripción;Cantidad;Fecha de pedido;Precio unitario;ID de cliente;País",
    "Portuguese": "Número do pedido;Código do produto;Descrição;Quantidade;Data do pedido;Preço unitário;Código do cliente;País",
    "Italian": "Numero d'ordine;Codice articolo;Descrizione;Quantità;Data ordine;Prezzo unitario;Codice cliente;Paese",
    "Dutch": "Bestelnummer;Artikelnummer;Omschrijving;Aantal;Besteldatum;Stukprijs;Klantnummer;Land",
    "Chinese": "订单编号;商品编码;商品名称;数量;下单时间;单价;客户ID;国家",
    "Japanese": "注文番号;商品コード;商品名;個数;注文日時;単価;顧客番号;国",
    "English": "Order Number;SKU;Item Name;Qty;Order Date;Item Price;Customer Number;Ship Country",
}
CANONICAL = (
    "order_id",
    "product_id",
    "description",
    "quantity",
    "ordered_at",
    "unit_price",
    "customer_id",
    "country",
)


@pytest.mark.parametrize("language", HEADERS)
def test_the_usual_names_of_a_language_are_known(language: str) -> None:
    header = HEADERS[language].split(";")
    assert recognise(header) == dict(zip(CANONICAL, header, strict=True))


def test_no_name_means_two_things() -> None:
    every = [name for names in SYNONYMS.values() for name in names]
    assert sorted({*every}) == sorted(every)
    assert all(every)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Größe", "GROSSE"),
        ("Groesse", "Gresse"),
        ("注文ID", "注文"),
        ("ガ", "カ"),
        ("Café", "Caf"),
        ("Q1", "Q"),
    ],
)
def test_names_are_folded_and_lose_no_letter(one: str, other: str) -> None:
    assert (folded(one) == folded(other)) == (one == "Größe")
    assert folded("Date_Créée") == folded("date creee")


def columns_of(tmp_path: Path, text: str, **settings: object) -> dict[str, str]:
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8")
    (group,) = prepared([path], job.Job.model_validate(settings)).file_groups
    return group.columns


ETSY = "Sale Date,Buyer,Quantity,Price,Listing ID,SKU,Order ID\n11/25/24,Ann,2,12.50,900,,77\n"


def test_an_empty_column_is_not_chosen(tmp_path: Path) -> None:
    given = {"columns": {"customer_id": "Buyer"}}
    assert columns_of(tmp_path, ETSY, **given)["product_id"] == "Listing ID"
    assert columns_of(tmp_path, ETSY.replace("900,,", "900,m-1,"), **given)["product_id"] == "SKU"
    assert "product_id" not in columns_of(tmp_path, ETSY.replace("900,,", ", ,"), **given)


def test_an_empty_column_of_one_file_is_chosen_where_another_file_has_it(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text(ETSY)
    (tmp_path / "2.csv").write_text(ETSY.replace("900,,", "900,m-1,"))
    settings = job.Job(columns={"customer_id": "Buyer"})
    (group,) = prepared([tmp_path / "1.csv", tmp_path / "2.csv"], settings).file_groups
    assert group.columns["product_id"] == "SKU"


def test_a_column_with_the_wrong_kind_of_values_is_not_chosen(tmp_path: Path) -> None:
    text = "customer,date,created at,units,quantity,price,order\na,monday,2024-03-01,kg,2,1.50,1\n"
    found = columns_of(tmp_path, text)
    assert (found["ordered_at"], found["quantity"]) == ("created at", "quantity")
    text = "customer,date,qty,units,price\na,2024-03-01,pieces,2,1.50\nb,2024-03-01,boxes,3,2.50\n"
    assert columns_of(tmp_path, text)["quantity"] == "units"


TA_FENG = (
    "TRANSACTION_DATE,CUSTOMER_ID,PRODUCT_ID,AMOUNT,ASSET,SALES_PRICE\n"
    "11/13/2000,1104905,4710199010372,2,24,30\n11/14/2000,418683,4710857472535,1,48,46\n"
)


def test_whole_numbers_called_amount_beside_money_are_asked_about(tmp_path: Path) -> None:
    with pytest.raises(
        errors.DataError,
        match=r"'AMOUNT' holds whole numbers alone and may be a quantity, as 'SALES_PRICE' may",
    ):
        columns_of(tmp_path, TA_FENG)
    with pytest.raises(errors.DataError, match="may be a quantity, as 'PRICE' may"):
        columns_of(tmp_path, TA_FENG.replace("SALES_PRICE", "PRICE"))
    assert (
        columns_of(tmp_path, TA_FENG.replace(",30", ",3").replace("SALES_PRICE", "AGE"))["line_amount"]
        == "AMOUNT"
    )
    assert columns_of(tmp_path, TA_FENG.replace(",2,24", ",2.50,24"))["line_amount"] == "AMOUNT"
    given = {"columns": {"quantity": "AMOUNT", "unit_price": "SALES_PRICE"}}
    assert columns_of(tmp_path, TA_FENG, **given)["quantity"] == "AMOUNT"


UNKNOWN = "Bestellung;Wer;Wann;Stück;Preis;Ort\n1;a;2024-03-01;2;1,50;Köln\n2;b;2024-03-02;1;2,50;\n"


def test_a_missing_column_is_answered_with_all_columns_to_choose_from(tmp_path: Path) -> None:
    path, target = tmp_path / "x.csv", tmp_path / "job.toml"
    path.write_text(UNKNOWN, encoding="utf-8")
    with pytest.raises(
        errors.DataError, match=r"in their order: Bestellung, Wer, Wann, Stück, Preis, Ort; .*--write-job"
    ):
        pipeline.inspect_input(path)
    with pytest.raises(errors.DataError, match=r"columns\]; .*job\.toml has every column to choose from$"):
        pipeline.inspect_input(path, write_job_to=target)
    text = target.read_text()
    assert tomllib.loads(text)["columns"] == {
        "order_id": "Bestellung",
        "quantity": "Stück",
        "unit_price": "Preis",
    }
    lines = [
        re.split(r" {2,}# |  +# | # (?=\S)", one, maxsplit=1) for one in text.splitlines() if '= "' in one
    ][:6]
    assert [one[0].strip() for one in lines] == [
        'order_id = "Bestellung"',
        '# ? = "Wer"',
        '# ? = "Wann"',
        'quantity = "Stück"',
        'unit_price = "Preis"',
        '# ? = "Ort"',
    ]
    assert [one[1] for one in lines] == [
        "1 (whole numbers)",
        "a",
        "2024-03-01 (dates)",
        "2 (whole numbers)",
        "1,50 (numbers)",
        "Köln",
    ]
    filled = text.replace('# ? = "Wer"', 'customer_id = "Wer"').replace('# ? = "Wann"', 'ordered_at = "Wann"')
    target.write_text(filled)
    assert "customers 2" in pipeline.inspect_input(path, job=target)
    with pytest.raises(errors.OutputError, match="is there already"):
        pipeline.inspect_input(path, write_job_to=target)


def test_what_else_stops_an_inspection_leaves_the_columns_too(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("customer_id,date,amount\na,1/2/2024,3.50\n")
    (tmp_path / "2.csv").write_text('"who\n\x1b[31m",x\na,1\n')
    target = tmp_path / "job.toml"
    with pytest.raises(errors.DataError, match=r"may be day-first or month-first.*has every column"):
        pipeline.inspect_input(tmp_path / "1.csv", write_job_to=target)
    assert tomllib.loads(target.read_text())["columns"] == {
        "customer_id": "customer_id",
        "ordered_at": "date",
        "line_amount": "amount",
    }
    target.unlink()
    with pytest.raises(errors.DataError, match="required"):
        pipeline.inspect_input([tmp_path / "1.csv", tmp_path / "2.csv"], write_job_to=target)
    assert set(tomllib.loads(target.read_text())["columns"]) == {"customer_id", "ordered_at", "line_amount"}
    (tmp_path / "empty.csv").write_bytes(b"")
    with pytest.raises(errors.DataError, match=r"the file is empty; expected a header and lines$"):
        pipeline.inspect_input(tmp_path / "empty.csv", write_job_to=tmp_path / "none.toml")
    assert not (tmp_path / "none.toml").exists()
