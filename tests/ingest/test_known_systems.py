"""Exports of known systems, made up by the headers that they have: what counts, of whom, by hand."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from segcore import errors, job, pipeline
from segcore.ingest import known_systems
from segcore.ingest.systems import SYSTEMS
from segcore.pipeline.core import job_file
from segcore.pipeline.lines import classify_lines, understand_formats
from tests.transaction_lines import CLOCK, prepared, through

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, kw_only=True)
class Export:
    """A small export, and what each customer has spent in it."""

    text: str
    spend: dict[str, float]
    settings: dict[str, Any] = field(default_factory=dict)


EXPORTS: dict[str, Export] = {
    # A refunded and a cancelled order, one by phone, two equal mugs, and lines that have what is the order's on the first one alone.
    "shopify": Export(
        text="""\
Name,Email,Financial Status,Paid at,Currency,Subtotal,Shipping,Taxes,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Country,Cancelled at,Phone,Discount Amount,Refunded Amount
#1,Ann@x.com,paid,2024-03-01 10:00:00 +0100,EUR,30.00,5,3,38,2024-03-01 10:00:00 +0100,2,Tee,9.99,T-1,DE,,,3.00,0.00
#1,Ann@x.com,,,,,,,,2024-03-01 10:00:00 +0100,1,Mug,5.01,M-1,,,,,
#1,Ann@x.com,,,,,,,,2024-03-01 10:00:00 +0100,1,Mug,5.01,M-1,,,,,
#2,bob@x.com,refunded,,EUR,5,5,3,13,2024-03-02 10:00:00 +0100,1,Mug,5.00,M-1,FR,,,0.00,5.00
#3,,partially_refunded,,EUR,12,0,0,12,2024-03-03 10:00:00 +0100,1,Mug,7.00,M-1,FR,,+491,0.00,2.00
#3,,,,,,,,,2024-03-03 10:00:00 +0100,1,Tee,5.00,T-1,,,,,
#4,ann@x.com,paid,,EUR,7,0,0,7,2024-03-04 10:00:00 +0100,1,Mug,7.00,M-1,FR,2024-03-05 10:00:00 +0100,,0.00,0.00
""",
        spend={"ann@x.com": 27.0, "+491": 10.0},  # with 3.00 off, and 2.00 given back
    ),
    "squarespace": Export(
        text="""\
Order ID,Email,Financial Status,Paid at,Currency,Subtotal,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Country,Cancelled at
1,a@x.com,PAID,7/25/2018 21:06,USD,20,30,7/25/2018 21:06,1,Coffee,10,SQ1,US,
1,,,,,,,,2,Tea,5,SQ2,,
2,b@x.com,PENDING,,USD,9,9,7/26/2018 21:06,1,Tea,9,SQ2,US,
3,c@x.com,PAID,7/27/2018 9:00,USD,4,4,7/27/2018 9:00,1,Tea,4,SQ2,US,
""",
        spend={"a@x.com": 20.0, "c@x.com": 4.0},
    ),
    "woocommerce": Export(
        text="""\
order_id,order_number,order_date,paid_date,status,shipping_total,discount_total,order_total,order_subtotal,order_currency,customer_id,customer_email,billing_country
11,11,9/16/2016 6:29:00,,completed,5,0,25.50,20.50,USD,3,A@x.com,US
12,12,9/17/2016 6:29:00,,wc-processing,5,0,15,10,USD,0,b@x.com,US
13,13,9/18/2016 6:29:00,,cancelled,5,0,15,10,USD,3,a@x.com,US
""",
        spend={"a@x.com": 20.5, "b@x.com": 10.0},
    ),
    # An item of two came back, and is not in the quantity; one cost 10.00 before a coupon. The second line has the order's columns
    # empty, as one setting of the exporter leaves them.
    "woocommerce-items": Export(
        text="""\
Order Number,Order Status,Order Date,Email (Billing),Country Code (Billing),Cart Discount Amount,Order Subtotal Amount,Order Refund Amount,Order Total Amount,SKU,Item #,Item Name,Quantity (- Refund),Item Cost,Discount Amount
101,Completed,2024-03-01 10:02,A@x.com,DE,1.00,20.00,9.00,21.00,T-1,1,Tee,1,9.00,1.00
,,,,,,,,,M-1,2,Mug,3,2.25,0.00
102,Refunded,2024-03-02 10:02,b@x.com,FR,0.00,5.00,5.00,5.00,M-1,1,Mug,1,5.00,0.00
103,Processing,2024-03-03 10:02,a@x.com,DE,0.00,4.00,0.00,9.00,M-1,1,Mug,2,2.00,0.00
""",
        spend={"a@x.com": 19.75},
    ),
    "magento": Export(
        text="""\
ID,"Purchase Point","Purchase Date","Bill-to Name","Ship-to Name","Grand Total (Base)","Grand Total (Purchased)",Status,"Customer Email",Subtotal,"Shipping and Handling","Customer Name","Total Refunded"
000000001,Main,"Mar 1, 2024 10:02:11 AM",Ann,Ann,35.0000,35.0000,Complete,A@x.com,30.0000,5.0000,Ann,4.0000
000000002,Main,"Mar 2, 2024 9:00:00 PM",Bob,Bob,15.0000,15.0000,Canceled,b@x.com,10.0000,5.0000,Bob,
000000003,Main,"Mar 3, 2024 9:00:00 PM",Ann,Ann,15.0000,15.0000,Processing,a@x.com,10.0000,5.0000,Ann,
""",
        spend={"a@x.com": 36.0},
        settings={"input.preset": "magento"},
    ),
    "bigcommerce": Export(
        text="""\
Order ID,Customer ID,Customer Name,Customer Email,Order Date,Order Status,Subtotal (inc tax),Subtotal (ex tax),Tax Total,Order Total (inc tax),Product Details,Billing Country,Billing Email,Refund Amount
100,7,Ann,A@x.com,2024-03-01,Completed,23.80,20.00,3.80,28.80,"Product ID: 1, Product Qty: 2",Germany,a@x.com,0.00
101,0,,,2024-03-02,Awaiting Fulfillment,11.90,10.00,1.90,16.90,"Product ID: 1, Product Qty: 1",Germany,guest@x.com,1.90
102,7,Ann,a@x.com,2024-03-03,Cancelled,23.80,20.00,3.80,28.80,"Product ID: 1, Product Qty: 2",Germany,a@x.com,0.00
""",
        spend={"a@x.com": 23.8, "guest@x.com": 10.0},
        settings={"input.preset": "bigcommerce"},
    ),
    # The SKU is empty: the listing is the product. 3 April, not 4 March.
    "etsy": Export(
        text="""\
Sale Date,Item Name,Buyer,Quantity,Price,Coupon Code,Discount Amount,Order Shipping,Item Total,Currency,Transaction ID,Listing ID,Date Paid,Ship Country,Order ID,SKU
04/03/24,"Mug, blue",ann,2,12.50,,0,4.5,25.00,USD,1,900,04/03/24,Canada,77,
04/05/24,Cup,bob,1,8.00,,0,4.5,8.00,USD,2,901,04/05/24,Canada,78,
""",
        spend={"ann": 25.0, "bob": 8.0},
    ),
    # What came back is negative; a discount is in the net sales.
    "square": Export(
        text="""\
Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Gross Sales,Discounts,Net Sales,Tax,Transaction ID,Event Type,Customer ID,Customer Name
2024-03-01,10:02:11,Eastern Time (US & Canada),Mugs,Mug,2.0,Regular,M-1,$36.00,-$6.00,$30.00,$2.40,T1,Payment,C1,Dee
2024-03-02,11:00:00,Eastern Time (US & Canada),Mugs,Mug,-1.0,Regular,M-1,-$18.00,$3.00,-$15.00,-$1.20,T2,Refund,C1,Dee
2024-03-02,12:00:00,Eastern Time (US & Canada),Mugs,Cup,1.0,Regular,M-2,$9.00,$0.00,$9.00,$0.72,T3,Payment,C2,Sam
""",
        spend={"C1": 30.0, "C2": 9.0},
    ),
    # The price is that of the item with its quantity.
    "amazon": Export(
        text="""\
order-id\torder-item-id\tpurchase-date\tpayments-date\tbuyer-email\tbuyer-name\tsku\tproduct-name\tquantity-purchased\tcurrency\titem-price\titem-tax\tship-country
1-1\t11\t2024-03-01T10:50:49-08:00\t2024-03-01T10:50:49-08:00\tA@marketplace.amazon.com\tBob\tS1\tPen\t3\tUSD\t6.00\t0.50\tUS
1-2\t12\t2024-03-02T23:50:49-08:00\t2024-03-02T23:50:49-08:00\tb@marketplace.amazon.com\tSue\tS1\tPen\t1\tUSD\t2.00\t0.20\tUS
""",
        spend={"a@marketplace.amazon.com": 6.0, "b@marketplace.amazon.com": 2.0},
    ),
    "wix": Export(
        text="""\
Order number,Date created,Time,Total order quantity,Contact email,Item,Variant,SKU,Qty,Quantity refunded,Price,Billing country,Payment status,Currency,Total
10001,"Dec 8, 2024",9:15:51 AM,3,a@x.com,Cup,,C1,2,0,19.99,USA,Paid,USD,40
10001,"Dec 8, 2024",9:15:51 AM,3,a@x.com,Mug,,M1,1,0,5.00,USA,Paid,USD,40
10002,"Dec 9, 2024",1:00:00 PM,1,b@x.com,Cup,,C1,1,0,19.99,USA,Unpaid,USD,20
""",
        spend={"a@x.com": 44.98},
    ),
    # Lines below the first one of an order have none of what is the order's, not even its number.
    "odoo": Export(
        text="""\
Order Reference,Order Date,Customer,Status,Order Lines/Product,Order Lines/Quantity,Order Lines/Unit Price,Total
S00001,2024-03-01 10:00:00,Ann Ltd,Sales Order,Desk,2,100.00,325.00
,,,,Lamp,5,25.00,
S00002,2024-03-02 10:00:00,Bob Ltd,Quotation,Desk,1,100.00,100.00
,,,,Lamp,1,25.00,
S00003,2024-03-03 10:00:00,Cy Ltd,Locked,Lamp,1,20.00,20.00
""",
        spend={"Ann Ltd": 325.0, "Cy Ltd": 20.0},
    ),
    "stripe": Export(
        text="""\
id,Description,Seller Message,Created (UTC),Amount,Amount Refunded,Currency,Converted Amount,Fee,Mode,Status,Customer ID,Customer Email,Captured
ch_1,Plan,Payment complete.,2024-03-01 01:47,19.00,0.00,usd,19.00,0.85,Live,Paid,cus_1,a@x.com,true
ch_2,Plan,The bank returned the decline code,2024-03-01 01:40,19.00,0.00,usd,19.00,0,Live,Failed,cus_1,a@x.com,false
ch_3,Gift,Payment complete.,2024-03-02 02:16,249.00,0.00,usd,249.00,7.52,Live,Paid,,b@x.com,true
""",
        spend={"cus_1": 19.0, "b@x.com": 249.0},
    ),
    "olist": Export(
        text="""\
order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value,customer_id,order_status,order_purchase_timestamp,customer_unique_id
o1,1,p1,s,2017-10-06 11:07:15,29.99,8.72,c1,delivered,2017-10-02 10:56:33,u1
o1,2,p1,s,2017-10-06 11:07:15,29.99,8.72,c1,delivered,2017-10-02 10:56:33,u1
o2,1,p2,s,2018-07-30 03:24:27,118.70,22.76,c2,canceled,2018-07-24 20:41:37,u2
o3,1,p2,s,2018-08-13 08:55:23,159.90,19.22,c3,shipped,2018-08-08 08:38:49,u2
""",
        spend={"u1": 59.98, "u2": 159.9},
    ),
    # Sales are of the whole line, discount taken off.
    "superstore": Export(
        text="""\
Row ID,Order ID,Order Date,Ship Date,Ship Mode,Customer ID,Customer Name,Segment,Country,Product ID,Category,Sub-Category,Product Name,Sales,Quantity,Discount,Profit
1,CA-1,11/8/2016,11/11/2016,Second Class,CG-12520,Claire,Consumer,United States,FUR-1,Furniture,Bookcases,Shelf,261.96,2,0,41.91
2,CA-1,11/8/2016,11/11/2016,Second Class,CG-12520,Claire,Consumer,United States,FUR-2,Furniture,Chairs,Chair,731.94,3,0,219.58
3,CA-2,10/31/2016,11/2/2016,Second Class,DV-13045,Darrin,Corporate,United States,OFF-1,Supplies,Labels,Label,14.62,2,0.2,6.87
""",
        spend={"CG-12520": 993.9, "DV-13045": 14.62},
    ),
    "complete-journey": Export(
        text="""\
household_id,store_id,basket_id,product_id,quantity,sales_value,retail_disc,coupon_disc,coupon_match_disc,week,transaction_timestamp
900,330,31198570044,1095275,1,0.5,0,0,0,1,2017-01-01 11:53:26
1053,330,31198570047,1053875,2,2.78,0.8,0,0,1,2017-01-01 12:10:28
1053,330,31198570047,1060312,1,5.49,0.5,0,0,1,2017-01-01 12:10:28
""",
        spend={"900": 0.5, "1053": 8.27},
    ),
    # Two pieces for 30 in all, twice on one day; the 11th of January, not the first of November.
    "ta-feng": Export(
        text="""\
TRANSACTION_DT,CUSTOMER_ID,AGE_GROUP,PIN_CODE,PRODUCT_SUBCLASS,PRODUCT_ID,AMOUNT,ASSET,SALES_PRICE
1/11/2001,1104905,45-49,115,110411,4710199010372,2,24,30
1/11/2001,1104905,45-49,115,110411,4710199010372,2,24,30
1/11/2001,418683,45-49,115,120107,4710857472535,1,48,46
""",
        spend={"1104905": 60.0, "418683": 46.0},
    ),
    "istanbul": Export(
        text="""\
invoice_no,customer_id,gender,age,category,quantity,price,payment_method,invoice_date,shopping_mall
I138884,C241288,Female,28,Clothing,5,1500.4,Credit Card,5/8/2022,Kanyon
I317333,C111565,Male,21,Shoes,3,1800.51,Debit Card,12/12/2021,Forum Istanbul
I173702,C241288,Male,53,Clothing,1,300.08,Cash,24/10/2021,Metrocity
""",
        spend={"C241288": 1800.48, "C111565": 1800.51},
        settings={"input.preset": "istanbul"},
    ),
    "online-retail": Export(
        text="""\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1,85123A,HOLDER,2,2011-03-01 10:00:00,1.25,17850,France
1,POST,POSTAGE,1,2011-03-01 10:00:00,18,17850,France
C2,85123A,HOLDER,-1,2011-03-15 10:00:00,1.25,17850,France
""",
        spend={"17850": 2.5},
        settings={"input.preset": "online-retail"},
    ),
    "online-retail-ii": Export(
        text="""\
Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country
1,85123A,HOLDER,2,2011-03-01 10:00:00,1.25,17850,France
1,M,Manual,1,2011-03-01 10:00:00,18,17850,France
""",
        spend={"17850": 2.5},
        settings={"input.preset": "online-retail-ii"},
    ),
    "cdnow": Export(
        text=" 00001 19970101  1   11.77\n 00002 19970112  1   12.00\n 00002 19970112  5   77.00\n",
        spend={"00001": 11.77, "00002": 89.0},
        settings={"input.preset": "cdnow"},
    ),
}


def resolved(settings: dict[str, Any]) -> job.Job:
    return known_systems.before_reading(job.resolve("", settings))


def test_every_system_has_its_export_here_and_its_line_in_the_page() -> None:
    page = (ROOT / "jobs" / "README.md").read_text(encoding="utf-8")
    assert [*EXPORTS] == [*SYSTEMS]
    for name, system in SYSTEMS.items():
        assert f"| `{name}` | {system.title} |" in page


@pytest.mark.parametrize("name", EXPORTS)
def test_the_money_of_every_customer_is_right(tmp_path: Path, name: str) -> None:
    export = EXPORTS[name]
    path = tmp_path / "x.csv"
    path.write_text(export.text, encoding="utf-8")
    if {"input.fill_from", "cleaning.order_refund"} & {*SYSTEMS[name].settings}:
        through([path], tmp_path / "run", **export.settings)
        features = pl.read_parquet(tmp_path / "run" / "customers" / "features")
        found = dict(features.select("customer_id", "total_spend").iter_rows())
    else:
        source = prepared([path], resolved(export.settings))
        settings = job_file.with_clock(source.settings, CLOCK)
        formats = understand_formats.understand(source, settings, every=True)
        lines = pl.concat(classify_lines.of_input(source, formats, settings))
        money = lines.filter(pl.col("class").cast(pl.String) == "purchase").group_by("customer_id")
        found = dict(money.agg(pl.col("amount").sum() / 10_000).collect().iter_rows())
    assert found == pytest.approx(export.spend, abs=1e-9)
    assert {*found} == {*export.spend}


def test_statuses_are_the_orders_where_every_line_has_its_customer_and_date(tmp_path: Path) -> None:
    lines = EXPORTS["shopify"].text.splitlines(keepends=True)
    path = tmp_path / "x.csv"
    path.write_text("".join(line for line in lines if not line.startswith("#3")))
    through([path], tmp_path / "run")
    features = pl.read_parquet(tmp_path / "run" / "customers" / "features")
    assert features.select("customer_id", "total_spend").row(0) == ("ann@x.com", 27.0)


def of(tmp_path: Path, name: str, *, header: str = "", **settings: Any) -> job.Job:
    path = tmp_path / "x.csv"
    path.write_text(header or EXPORTS[name].text, encoding="utf-8")
    return prepared(
        [path], resolved({key.replace("__", "."): value for key, value in settings.items()})
    ).settings


def test_what_the_job_says_wins(tmp_path: Path) -> None:
    own = of(
        tmp_path,
        "shopify",
        columns={"customer_id": "Phone", "line_amount": "Subtotal"},
        cleaning__keep="Email IS NOT NULL",
        cleaning__customer_case="keep",
    )
    assert own.columns["customer_id"] == "Phone"
    assert not {"quantity", "unit_price"} & set(own.columns)
    assert own.cleaning.keep == "Email IS NOT NULL"
    assert own.input.fill_from == "order"
    unread = of(tmp_path, "etsy", input__preset="none", columns={"customer_id": "Buyer"})
    assert (unread.input.date_format, unread.columns) == ("", {"customer_id": "Buyer"})


def test_empty_columns_and_those_that_are_not_there_are_done_without(tmp_path: Path) -> None:
    assert of(tmp_path, "etsy").columns["product_id"] == "Listing ID"
    assert of(tmp_path, "shopify").columns["customer_id"] == ["Email", "Phone"]
    without = EXPORTS["shopify"].text.replace("Cancelled at", "Note").replace("Phone", "Fax")
    bare = of(tmp_path, "shopify", header=without)
    assert bare.columns["customer_id"] == "Email"
    assert bare.cleaning.keep == SYSTEMS["shopify"].keep[0]


def test_a_job_that_is_completed_is_complete(tmp_path: Path) -> None:
    for name in ("shopify", "etsy", "olist"):
        once = of(tmp_path, name)
        path = tmp_path / "x.csv"
        assert prepared([path], job.resolve(job.to_toml(once))).settings == once


def test_lines_tell_more_of_dates_than_what_is_known(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    etsy = EXPORTS["etsy"].text.replace("/24", "/2024")
    for text, first in (("04/03/2024", "%m/%d/%Y"), ("24/03/2024", "%d/%m/%Y")):
        path.write_text(etsy.replace("04/03/2024", text), encoding="utf-8")
        source = prepared([path])
        (formats,) = understand_formats.understand(source, source.settings, every=True)
        assert formats.dates == (first,)


def test_files_of_two_systems_are_read_as_none(tmp_path: Path) -> None:
    for name in ("etsy", "superstore"):
        (tmp_path / f"{name}.csv").write_text(EXPORTS[name].text)
    given = job.Job(columns={"customer_id": 6})
    assert known_systems.of_files(prepared([tmp_path], given).files, given) == ("", False)


def test_it_is_named_by_inspect_and_written_to_the_job(tmp_path: Path) -> None:
    path, target = tmp_path / "x.csv", tmp_path / "job.toml"
    path.write_text(EXPORTS["etsy"].text)
    told = pipeline.inspect_input(path, write_job_to=target)
    assert told.startswith("read as an export of Etsy sold order items: input.preset")
    written = tomllib.loads(target.read_text())
    assert written["columns"]["product_id"] == "Listing ID"
    assert (written["input"]["preset"], written["input"]["date_format"]) == ("etsy", "month-first")
    path.write_text(EXPORTS["online-retail"].text)
    assert pipeline.inspect_input(path).startswith("looks like Online Retail: --preset online-retail reads")


def test_a_system_that_is_not_known_is_refused() -> None:
    with pytest.raises(errors.JobError, match=r"'shoppify' is no known system \(did you mean 'shopify'\?\)"):
        resolved({"input.preset": "shoppify"})
